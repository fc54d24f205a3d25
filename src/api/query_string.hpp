#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pricewire::api {

// %41 as A, and + as a space where `plus_is_space`. A % that starts no valid escape stays as it is.
std::string percent_decode(std::string_view text, bool plus_is_space);
// Everything but the unreserved characters of RFC 3986 §2.3 escaped.
std::string percent_encode(std::string_view text);

// The decoded parameters of a query, "a=1&b=2", in order. The last of several with one name counts.
class QueryString {
public:
    explicit QueryString(std::string_view query);
    std::optional<std::string_view> find(std::string_view name) const;
    // The encoded query with `name` set to `value`.
    std::string with(std::string_view name, std::string_view value) const;

private:
    std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace pricewire::api
