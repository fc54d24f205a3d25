#include "domain/alert.hpp"

namespace pricewire {

std::string_view to_string(Condition c) {
    return c == Condition::gt ? "gt" : "lt";
}

std::optional<Condition> parse_condition(std::string_view text) {
    if (text == "gt") return Condition::gt;
    if (text == "lt") return Condition::lt;
    return std::nullopt;
}

}  // namespace pricewire
