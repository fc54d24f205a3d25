#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace pricewire::storage {

// Adds the statements of a file of SQL: "-- name: x" on a line of its own, and the statement under it. A line
// "-- include: x" stands for the text of the earlier x, which may be a part of a statement. The names are parts of
// `text`, which must live as long. Throws std::out_of_range: there is no earlier x.
inline void add_queries(std::string_view text, std::map<std::string_view, std::string>& out) {
    constexpr std::string_view mark = "-- name: ";
    constexpr std::string_view include = "-- include: ";
    for (std::size_t at = text.find(mark); at != std::string_view::npos;) {
        text.remove_prefix(at + mark.size());
        const std::size_t line_end = text.find('\n');
        const std::size_t next = text.find(mark);
        std::string statement(text.substr(line_end, next - line_end));
        for (std::size_t line; (line = statement.find(include)) != std::string::npos;) {
            const std::size_t name = line + include.size();
            const std::size_t end = statement.find('\n', name);
            statement.replace(line, end - line, out.at(statement.substr(name, end - name)));
        }
        out.emplace(text.substr(0, line_end), std::move(statement));
        at = next;
    }
}

// Those of embedded files; a file may include what an earlier one has.
template <typename Files>
std::map<std::string_view, std::string> named_queries(const Files& files) {
    std::map<std::string_view, std::string> out;
    for (const auto& file : files) add_queries(file.text, out);
    return out;
}

}  // namespace pricewire::storage
