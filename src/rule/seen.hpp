#pragma once

#include <vector>

#include "domain/rule.hpp"
#include "rule/evidence.hpp"
#include "rule/run.hpp"

namespace pricewire::rule {

// Rules as evidence shows them: `views` are those of the terms, in their order. Pure.
std::vector<RuleSeen> seen(const Terms& terms, const std::vector<RuleView>& views);

}  // namespace pricewire::rule
