#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"

// Values in PostgreSQL's text formats. Sources: PostgreSQL 15 manual, chapters 8 (types) and 8.15.2 (array
// input).
namespace pricewire::storage::postgres {

// A value as it is sent to the server; nullopt is NULL.
using Param = std::optional<std::string>;

// Bytes that need not be text.
struct Bytes {
    std::string_view bytes;
};

Param param(const Uuid& id);
Param param(const Decimal& number);
Param param(Timestamp time);  // outside the years 1 to 9999: one of PostgreSQL's infinities
Param param(Bytes bytes);
// PostgreSQL accepts neither zero bytes nor invalid UTF-8; these become U+FFFD, so that no foreign text can
// make a call fail permanently.
Param param(std::string_view text);
inline Param param(const std::string& text) {
    return param(std::string_view(text));
}
inline Param param(const char* text) {
    return param(std::string_view(text));
}
inline Param param(const Sha256& hash) {
    return param(Bytes{{reinterpret_cast<const char*>(hash.data()), hash.size()}});
}
inline Param param(std::int64_t number) {
    return std::to_string(number);
}
inline Param param(int number) {
    return std::to_string(number);
}
inline Param param(std::size_t number) {
    return std::to_string(number);
}
inline Param param(bool value) {
    return value ? "t" : "f";
}
inline Param param(Duration time) {
    return std::to_string(time.count());
}
template <typename T>
Param param(const std::optional<T>& maybe) {
    return maybe ? param(*maybe) : std::nullopt;
}

// An array parameter, built element by element.
class Array {
public:
    template <typename T>
    Array& add(const T& value) {
        append(param(value));
        return *this;
    }
    std::size_t size() const { return size_; }
    std::string text() const { return "{" + elements_ + "}"; }

private:
    void append(const Param& element);

    std::string elements_;
    std::size_t size_ = 0;
};
inline Param param(const Array& array) {
    return array.text();
}

// "2023-11-14 22:13:20.25+00", the format of a session in UTC with DateStyle ISO. The infinities are the
// limits of Timestamp. Nullopt for other text.
std::optional<Timestamp> parse_timestamp(std::string_view text);
// "\x4142". Nullopt for other text.
std::optional<std::string> parse_bytea(std::string_view text);

}  // namespace pricewire::storage::postgres
