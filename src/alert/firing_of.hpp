#pragma once

#include <optional>
#include <vector>

#include "alert/rule_engine.hpp"
#include "rule/firing.hpp"
#include "rule/run.hpp"

// What an engine reports of a rule::Run, beside rule::firing_of(). Pure.
namespace pricewire::alert {

// Of a step that is not a firing.
StateNote note_of(const ActiveAlert& alert, const rule::Step& step);
Expiry expiry_of(const ActiveAlert& alert, const rule::Run& run);

// What rule::past_needed() names, but for tickers of which the price in effect at that time, and all since, are recent.
std::vector<PastNeed> past_needs(const ActiveAlert& alert, const RecentPrices& recent, Timestamp now);

}  // namespace pricewire::alert
