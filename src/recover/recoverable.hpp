#pragma once

#include <array>
#include <optional>

#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "rule/run.hpp"

// Which alerts with terms recovered prices can decide about, from which state on, and what is left to be stored. Pure.
namespace pricewire::recover {

// Whether what venues tell can decide about an alert that was blind within [from, to). Not about a hold, in which blind
// time does not count, nor about an age, which checkers judge by time alone. Of what several tickers decide together only
// their prices at the end of each minute are known to be of one moment: not where a level is a high or a low.
bool is_recoverable(const ActiveAlert& alert, Timestamp from, Timestamp to);

// As the alert was when the blind time began: what became known later is judged again.
RuledAlert as_of(const RuledAlert& alert, Timestamp from);

// Which of the alert's state has changed within the blind time, until `to`, as far as both runs agree: it was armed, or has
// seen a higher high or a lower low. `begin`: as the time began; `fired`: after the last firing, null if there was none.
std::optional<StateNote> left_to_note(const ActiveAlert& alert, const rule::Run& begin,
                                      const std::array<rule::Run, 2>& runs, const AlertState* fired,
                                      Timestamp to);

// Prices of several tickers make one value, or one truth.
bool decide_together(const Terms& terms);
bool has_levels_that_move(const Terms& terms);

}  // namespace pricewire::recover
