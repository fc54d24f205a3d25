#pragma once

#include "domain/rule.hpp"

// What can be known of levels before there is a price.
namespace pricewire::rule::detail {

// The level of a number, within the bounds of what a rule may say.
Decimal level_of_number(const Level& level);

// Whether `lower` can at no time be below `upper`.
bool is_never_below(const Level& lower, const Level& upper);

// Whether a value can ever be so far back that the rule is armed again.
bool can_rearm(const Rule& rule, const Change& margin);

// Whether without a margin each further price of a climb or a fall fires.
bool needs_margin(const Rule& rule);

// 0 where each level begins anew with a firing.
Change default_rearm(const Terms& terms);

}  // namespace pricewire::rule::detail
