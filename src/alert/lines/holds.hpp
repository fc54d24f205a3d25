#pragma once

#include <optional>

#include "alert/judged.hpp"
#include "alert/lines/shared_line.hpp"
#include "rule/machine.hpp"

// Holds that are read from the past of their line: many alerts hold at one level, and a price that flaps around it is no
// work. Such an alert is not told when its rule becomes false: when its hold would end, the line says when it was last false.
// That is known of each side of a channel alone, so that one that holds outside waits for a value on the other side: one that
// jumps there goes on holding.
// Pure.
namespace pricewire::alert {

// Whether it is armed, by itself above, below, across or outside levels that do not move, and can fire as soon as it has
// held.
// `machine`: as of `from`.
bool is_hold_in_past(const RuledAlert& alert, const rule::Machine& machine, Timestamp from);

// As of before everything of `time`, when the line is taken back to it, and was in `state`.
rule::Machine hold_as_of(const PutAside& aside, const SharedLine& line, const rule::LineState& state,
                         Timestamp time);

// The other side of its levels than that on which `value` is.
Side other_side(const PutAside& aside, Decimal value);
// Until when a value on that side of a channel was last in effect; nullopt if none was.
std::optional<Timestamp> last_beyond(const PutAside& aside, const SharedLine& line, Side side);
// Whether its rule was false at the value before the newest.
bool came_from_calm(const PutAside& aside, const SharedLine& line);

}  // namespace pricewire::alert
