#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pricewire::api {

// The parameters of a query, "a=1&b=2", decoded (%41 to A, + to a space), in order. The last of several with one
// name counts; the API refuses those of its routes that read any.
class QueryString {
public:
    explicit QueryString(std::string_view query);
    std::optional<std::string_view> find(std::string_view name) const;
    std::vector<std::string> names() const;  // each as often as it is given
    // The first name that is given more than once.
    std::optional<std::string> repeated() const;
    // The encoded query with `name` set to `value`.
    std::string with(std::string_view name, std::string_view value) const;

private:
    std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace pricewire::api
