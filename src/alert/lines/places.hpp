#pragma once

#include <optional>

#include "alert/lines/kept_alerts.hpp"
#include "alert/lines/markets.hpp"
#include "rule/levels.hpp"

// Where an alert that is put aside waits: in the books and timers of its lines. Pure.
namespace pricewire::alert {

// Takes its places, and gives them up.
void wait(const KeptAlert& kept, Slot slot, Markets& markets);
void leave(const KeptAlert& kept, Slot slot, Markets& markets);
// Of one rule, those above or below alone.
void wait_on(Side side, const KeptAlert& kept, Slot slot, Markets& markets);
void leave_on(Side side, const KeptAlert& kept, Slot slot, Markets& markets);

// When time wakes it: it begins, a hold or a mute ends, an extreme is to be noted, or a window does not count from a firing
// any more.
std::optional<Timestamp> due_of(const KeptAlert& kept);
// Has its tickers wake it at a time.
void wait_until(const Terms& terms, Timestamp at, Slot slot, Markets& markets);
void leave_until(const Terms& terms, Timestamp at, Slot slot, Markets& markets);

bool has_moving_level(const Rule& rule);

// After a firing a window counts from there until it is shorter than the time since: until then.
inline Timestamp counts_from_start_until(const Level& level, const RuleState& state) {
    return state.start + level.over;
}

// The level and margin of one that does not move; nullopt: it has none.
std::optional<rule::Bound> fixed_bound(const Terms& terms, const Level& level, const RuleState& state);

// Where the end is, of a level that does not move; nullopt: no value is there.
template <Side side>
std::optional<Decimal> fixed_end(const Terms& terms, const Rule& rule, const RuleState& state,
                                 const QuietEnd& end) {
    if (end.bound == QuietEnd::Bound::any) return always_reached<side>;
    const std::size_t which = end.bound == QuietEnd::Bound::upper ? 1 : 0;
    const auto bound = fixed_bound(terms, which == 0 ? rule.level : *rule.upper, state);
    Decimal::Raw at = 0;
    if (!bound) return std::nullopt;
    if (__builtin_add_overflow(bound->level.raw(), end.margin * bound->margin.raw(), &at))
        return std::nullopt;
    if (!end.at && __builtin_add_overflow(at, side == Side::above ? 1 : -1, &at)) return std::nullopt;
    return Decimal::from_raw(at);
}

}  // namespace pricewire::alert
