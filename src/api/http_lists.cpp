#include "api/http_lists.hpp"

#include <optional>

#include "base/text.hpp"

namespace pricewire::api {
namespace {

// Removes the part before `separator` from `rest` and returns it, trimmed.
std::string_view next_part(std::string_view& rest, char separator) {
    return trimmed(take_part(rest, separator));
}

// "q=0", "q=0.0" and so on: the item is not acceptable.
bool refuses(std::string_view parameters) {
    while (!parameters.empty()) {
        const std::string_view parameter = next_part(parameters, ';');
        if (parameter.size() < 2 || !equal_ignoring_case(parameter.substr(0, 2), "q=")) continue;
        return parameter.substr(2).find_first_not_of("0.") == std::string_view::npos;
    }
    return false;
}

}  // namespace

bool accepts_gzip(const std::string* accept_encoding) {
    if (accept_encoding == nullptr) return false;
    std::string_view rest = *accept_encoding;
    std::optional<bool> any;
    while (!rest.empty()) {
        std::string_view parameters = next_part(rest, ',');
        const std::string_view coding = next_part(parameters, ';');
        if (equal_ignoring_case(coding, "gzip") || equal_ignoring_case(coding, "x-gzip"))
            return !refuses(parameters);
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
