#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"

namespace pricewire::inline base {

// Appends `text` to `out` as a JSON string with its quotes (RFC 8259 §7); bytes that are not UTF-8 become
// U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Writes one JSON text into a string, without a document model, which would lose a decimal's digits. The
// caller opens and closes in order; the writer puts the commas.
//   JsonWriter w; w.begin_object().field("price", price).end_object(); send(std::move(w).str());
class JsonWriter {
public:
    JsonWriter& begin_object() { return open('{'); }
    JsonWriter& end_object() { return close('}'); }
    JsonWriter& begin_array() { return open('['); }
    JsonWriter& end_array() { return close(']'); }
    JsonWriter& key(std::string_view name);

    JsonWriter& value(std::string_view text);
    JsonWriter& value(const char* text) { return value(std::string_view(text)); }
    JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
    JsonWriter& value(const Decimal& number) { return raw(number.to_string()); }
    JsonWriter& value(const Uuid& id) { return value(std::string_view(id.to_string())); }
    JsonWriter& value(Timestamp time) { return value(std::string_view(format_rfc3339(time))); }
    JsonWriter& value(bool b) { return raw(b ? "true" : "false"); }
    JsonWriter& value(std::nullptr_t) { return raw("null"); }
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    JsonWriter& value(T number) {
        return raw(std::to_string(number));
    }
    // A finite number, with the fewest digits that read back the same.
    JsonWriter& value(double number);
    template <typename T>
    JsonWriter& value(const std::optional<T>& maybe) {
        return maybe ? value(*maybe) : value(nullptr);
    }
    // Appends text that is JSON already.
    JsonWriter& raw(std::string_view json);

    template <typename T>
    JsonWriter& field(std::string_view name, const T& v) {
        key(name);
        return value(v);
    }

    const std::string& str() const& { return out_; }
    std::string str() && { return std::move(out_); }

private:
    JsonWriter& open(char c);
    JsonWriter& close(char c);
    void separate();

    std::string out_;
    bool comma_ = false;
};

}  // namespace pricewire::inline base
