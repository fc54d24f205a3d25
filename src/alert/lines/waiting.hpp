#pragma once

#include <memory>
#include <optional>
#include <span>

#include "alert/lines/kept_alerts.hpp"
#include "alert/lines/markets.hpp"

// How an alert is put aside and taken up again: what it waits for, and the run that goes on with it. What
// wakes it must never come too late; too early does no harm, since its run judges it exactly. Pure.
namespace pricewire::alert {

// Its lines are made, and reach back as far as its levels do. `pasts`: what is known of the time before.
void keep_lines(const Terms& terms, std::span<const std::shared_ptr<const LinePast>> pasts, Markets& markets);

// What is kept of it, if nothing of it can change but by what wakes it, and its lines know of it what its own
// run does: now, and as of any time since KeptAlert::from. Prices of before `reach` are not judged again.
std::optional<KeptAlert> put_aside(const Judged& judged, Timestamp reach, Timestamp now, Markets& markets);

// Its run as it was before everything of `time`; its hold, where that is read from the past of its line.
rule::Run run_of(const PutAside& aside, Markets& markets, Timestamp time);
rule::Machine hold_of(const PutAside& aside, Markets& markets, Timestamp time);

}  // namespace pricewire::alert
