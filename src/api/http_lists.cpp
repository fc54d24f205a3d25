#include "api/http_lists.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace pricewire::api {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Removes the part before `separator` from `rest` and returns it.
std::string_view next_part(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return trimmed(part);
}

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "q=0", "q=0.0" and so on: the item is not acceptable.
bool refuses(std::string_view parameters) {
    while (!parameters.empty()) {
        const std::string_view parameter = next_part(parameters, ';');
        if (parameter.size() < 2 || !same_word(parameter.substr(0, 2), "q=")) continue;
        return parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
    }
    return false;
}

}  // namespace

std::vector<std::string_view> comma_list(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        if (const std::string_view item = next_part(text, ','); !item.empty()) out.push_back(item);
    }
    return out;
}

bool accepts_gzip(const std::string* accept_encoding) {
    if (accept_encoding == nullptr) return false;
    std::string_view rest = *accept_encoding;
    std::optional<bool> any;
    while (!rest.empty()) {
        std::string_view parameters = next_part(rest, ',');
        const std::string_view coding = next_part(parameters, ';');
        if (same_word(coding, "gzip") || same_word(coding, "x-gzip")) return !refuses(parameters);
        if (coding == "*") any = !refuses(parameters);
    }
    return any.value_or(false);
}

bool names_etag(const std::string* if_none_match, std::string_view etag) {
    if (if_none_match == nullptr) return false;
    std::string_view rest = *if_none_match;
    while (!rest.empty()) {
        std::string_view tag = next_part(rest, ',');
        if (tag.starts_with("W/")) tag.remove_prefix(2);
        if (tag == "*" || tag == etag) return true;
    }
    return false;
}

}  // namespace pricewire::api
