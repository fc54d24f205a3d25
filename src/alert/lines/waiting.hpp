#pragma once

#include <optional>

#include "alert/lines/kept_alerts.hpp"
#include "alert/lines/markets.hpp"

// How an alert is put aside and taken up again: where it waits in the lines, and the run that goes on with it. What wakes it
// must never come too late; too early does no harm, since its run judges it exactly. Pure.
namespace pricewire::alert {

// Whether alerts with these terms are put aside at all: those with one rule on the price. Always live are those of several
// rules, of closes, ratios and ages, those that wait for a value inside of a channel, and `crosses` with a level that moves.
bool is_put_aside(const Terms& terms);

// Its lines are made, and reach back as far as its levels do.
void keep_lines(const Terms& terms, Markets& markets);

// Whether nothing of it can change but by a value that wakes it, now and as of any time since `reach`; `since` when nothing
// of it has changed.
bool can_wait(const rule::Run& run, Timestamp since, Timestamp reach, Markets& markets);

// What is kept of it.
KeptAlert put_aside(const Uuid& id, const rule::Run& run, Timestamp since, Markets& markets);

// Its run as it was before everything of `time`.
rule::Run run_of(const PutAside& aside, Markets& markets, Timestamp time);

// Its places in the lines.
void wait(const KeptAlert& kept, Slot slot, Markets& markets, Timestamp now);
void leave(const KeptAlert& kept, Slot slot, Markets& markets);

}  // namespace pricewire::alert
