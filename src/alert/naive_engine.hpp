#pragma once

#include <memory>

#include "alert/rule_engine.hpp"

namespace pricewire::alert {

// One rule::Run for each alert, straight from the specification: what other engines are compared with. Each price costs
// every alert of its ticker.
std::unique_ptr<RuleEngine> create_naive_engine(const RecentPrices& recent, RuleEngine::Take take);

}  // namespace pricewire::alert
