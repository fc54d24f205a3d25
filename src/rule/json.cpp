#include "rule/json.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <utility>

namespace pricewire::rule {
namespace {

namespace json = boost::json;

constexpr std::size_t max_depth = 16;

class TreeBuilder {
public:
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);

    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_object_begin(json::error_code&) { return open(Json::Kind::object); }
    bool on_object_end(std::size_t, json::error_code&) { return close(); }
    bool on_array_begin(json::error_code&) { return open(Json::Kind::array); }
    bool on_array_end(std::size_t, json::error_code&) { return close(); }
    bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
    bool on_key(json::string_view part, std::size_t, json::error_code&) {
        append(part);
        open_.back()->names.push_back(std::exchange(text_, {}));
        return true;
    }
    bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
    bool on_string(json::string_view part, std::size_t, json::error_code&) {
        append(part);
        return scalar(Json::Kind::string);
    }
    bool on_number_part(json::string_view part, json::error_code&) { return append(part); }
    bool on_int64(std::int64_t, json::string_view part, json::error_code&) { return number(part); }
    bool on_uint64(std::uint64_t, json::string_view part, json::error_code&) { return number(part); }
    bool on_double(double, json::string_view part, json::error_code&) { return number(part); }
    bool on_bool(bool value, json::error_code&) {
        append(value ? "true" : "false");
        return scalar(Json::Kind::boolean);
    }
    bool on_null(json::error_code&) { return scalar(Json::Kind::null); }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

    Json root;

private:
    // An element's place does not move while it is open: its array or object grows only after it.
    Json& place() {
        if (open_.empty()) return root;
        return open_.back()->items.emplace_back();
    }
    bool append(json::string_view part) {
        text_.append(part.data(), part.size());
        return true;
    }
    bool number(json::string_view part) {
        append(part);
        return scalar(Json::Kind::number);
    }
    bool scalar(Json::Kind kind) {
        Json& value = place();
        value.kind = kind;
        value.text = std::exchange(text_, {});
        return true;
    }
    bool open(Json::Kind kind) {
        Json& value = place();
        value.kind = kind;
        open_.push_back(&value);
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    std::vector<Json*> open_;
    std::string text_;
};

}  // namespace

const Json* Json::find(std::string_view name) const {
    const auto found = std::ranges::find(names, name);
    return found == names.end() ? nullptr : &items[static_cast<std::size_t>(found - names.begin())];
}

std::optional<Json> parse_json(std::string_view text) {
    json::parse_options options;
    options.max_depth = max_depth;
    json::basic_parser<TreeBuilder> parser(options);
    json::error_code ec;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
    if (ec || used < text.size()) return std::nullopt;
    return std::move(parser.handler().root);
}

}  // namespace pricewire::rule
