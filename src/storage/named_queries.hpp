#pragma once

#include <map>
#include <string>
#include <string_view>

namespace pricewire::storage {

// Splits a file of SQL into its statements: "-- name: x" on a line of its own, and the statement under it.
// The names are parts of `text`, which must live as long.
inline std::map<std::string_view, std::string> named_queries(std::string_view text) {
    constexpr std::string_view mark = "-- name: ";
    std::map<std::string_view, std::string> out;
    for (std::size_t at = text.find(mark); at != std::string_view::npos;) {
        text.remove_prefix(at + mark.size());
        const std::size_t line_end = text.find('\n');
        const std::size_t next = text.find(mark);
        out.emplace(text.substr(0, line_end), text.substr(line_end, next - line_end));
        at = next;
    }
    return out;
}

}  // namespace pricewire::storage
