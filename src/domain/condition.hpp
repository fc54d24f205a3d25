#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include "base/decimal.hpp"
#include "domain/enum_names.hpp"

// The conditions of alerts in the plain form. Whatever depends on an alert's condition is a column of `condition_kinds`,
// is computed from it, or is compared with it by a test: api/enums_test.cpp checks openapi.yaml and the page's own
// table, web/src/conditions.ts. A new condition is a new row.
namespace pricewire::inline domain {

// On which side of its target an alert waits for the price to arrive: the order in which the matcher keeps
// alerts, and the one definition of "beyond the target".
enum class Side : std::uint8_t { above, below };
inline constexpr std::size_t side_count = 2;

// Equal is beyond on neither side.
constexpr bool is_beyond(Side side, Decimal price, Decimal target) {
    return side == Side::above ? price > target : price < target;
}

enum class Condition : std::uint8_t { gt, lt };

struct ConditionKind {
    Condition value;
    std::string_view name;     // in the API, the database, webhooks and templates
    std::string_view crossed;  // in messages: "BTC <crossed> 70000"
    Side side;                 // fires if the price is beyond the target on this side
};

inline constexpr ConditionKind condition_kinds[] = {
    {Condition::gt, "gt", "rose above", Side::above},
    {Condition::lt, "lt", "fell below", Side::below},
};
inline constexpr EnumNames<Condition, std::size(condition_kinds)> condition_names{condition_kinds};

constexpr const ConditionKind& kind_of(Condition c) {
    return condition_kinds[static_cast<std::size_t>(c)];
}
constexpr std::string_view to_string(Condition c) {
    return condition_names.name(c);
}
constexpr std::optional<Condition> parse_condition(std::string_view text) {
    return condition_names.parse(text);
}

constexpr bool holds(Condition c, Decimal price, Decimal target) {
    return is_beyond(kind_of(c).side, price, target);
}

}  // namespace pricewire::inline domain
