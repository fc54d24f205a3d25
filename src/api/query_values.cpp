#include "api/query_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

#include "api/bodies.hpp"
#include "base/text.hpp"

namespace pricewire::api {

void read_limit(const QueryString& query, std::size_t most, std::size_t& limit, std::vector<Issue>& issues) {
    const auto text = query.find("limit");
    if (!text) return;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error == std::errc::invalid_argument || end != text->data() + text->size()) {
        issues.push_back({{"query", "limit"}, "Input should be a valid integer", "int_parsing"});
    } else if (error != std::errc{} || number < 1 || number > static_cast<std::int64_t>(most)) {
        issues.push_back(
            {{"query", "limit"}, fmt::format("Input should be between 1 and {}", most), "out_of_range"});
    } else {
        limit = static_cast<std::size_t>(number);
    }
}

std::optional<bool> read_bool(const QueryString& query, const char* name, std::vector<Issue>& issues) {
    const auto text = query.find(name);
    if (!text) return std::nullopt;
    const std::string upper = upper_case(*text);
    if (upper == "TRUE" || upper == "1") return true;
    if (upper == "FALSE" || upper == "0") return false;
    issues.push_back({{"query", name}, "Input should be true or false", "bool_parsing"});
    return std::nullopt;
}

std::optional<Timestamp> read_time(const QueryString& query, const char* name, std::vector<Issue>& issues) {
    const auto text = query.find(name);
    if (!text) return std::nullopt;
    std::string spelled(*text);
    // An unescaped "+02:00" arrives as " 02:00"; a space between date and time is kept.
    constexpr std::size_t date_length = 10;
    if (spelled.size() > date_length)
        std::replace(spelled.begin() + date_length + 1, spelled.end(), ' ', '+');
    const auto time = parse_rfc3339(spelled);
    if (time) return *time;
    issues.push_back({{"query", name}, std::string(not_a_time), "datetime_parsing"});
    return std::nullopt;
}

}  // namespace pricewire::api
