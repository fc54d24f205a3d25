#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pricewire::rule {

// A JSON value whose numbers keep their digits.
struct Json {
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
    Kind kind = Kind::null;
    std::string text;                // a string's characters (UTF-8), a number's digits, "true" or "false"
    std::vector<std::string> names;  // of an object's members
    std::vector<Json> items;         // an array's elements, the values of an object's members

    // The first member of that name; null if there is none.
    const Json* find(std::string_view name) const;
};

// nullopt unless `text` is one JSON value (RFC 8259), nested at most 16 levels deep. Pure.
std::optional<Json> parse_json(std::string_view text);

}  // namespace pricewire::rule
