#pragma once

#include <optional>

#include "alert/judged.hpp"
#include "alert/lines/shared_line.hpp"
#include "rule/machine.hpp"

// Holds that are read from the past of their line: many alerts hold at one level, and a price that flaps around it is no
// work. Such an alert is not told when its rule becomes false: when its hold would end, the line says when it was last false.
// Pure.
namespace pricewire::alert {

// Whether it is armed, by itself above or below a level that does not move, and can fire as soon as it has held.
// `machine`: as of `from`.
bool is_hold_in_past(const RuledAlert& alert, const rule::Machine& machine, Timestamp from);

// As of before everything of `time`, when the line is taken back to it, and was in `state`.
rule::Machine hold_as_of(const PutAside& aside, const SharedLine& line, const rule::LineState& state,
                         Timestamp time);

}  // namespace pricewire::alert
