#include "api/query_string.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"

namespace pricewire::api {
namespace {

std::string decode(std::string_view text) {
    std::string spaced(text);
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    return percent_decode(spaced);
}

}  // namespace

QueryString::QueryString(std::string_view query) {
    while (!query.empty()) {
        std::string_view value = take_part(query, '&');
        if (value.empty()) continue;
        std::string name = decode(take_part(value, '='));
        parameters_.emplace_back(std::move(name), decode(value));
    }
}

std::optional<std::string_view> QueryString::find(std::string_view name) const {
    const auto found = std::find_if(parameters_.rbegin(), parameters_.rend(),
                                    [&](const auto& p) { return p.first == name; });
    if (found == parameters_.rend()) return std::nullopt;
    return found->second;
}

std::vector<std::string> QueryString::names() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : parameters_) out.push_back(name);
    return out;
}

std::optional<std::string> QueryString::repeated() const {
    std::set<std::string_view> seen;
    for (const auto& [name, value] : parameters_) {
        if (!seen.insert(name).second) return name;
    }
    return std::nullopt;
}

std::string QueryString::with(std::string_view name, std::string_view value) const {
    std::string out;
    for (const auto& [n, v] : parameters_) {
        if (n != name) out += percent_encode(n) + '=' + percent_encode(v) + '&';
    }
    return out + std::string(name) + '=' + percent_encode(value);
}

}  // namespace pricewire::api
