#pragma once

#include <memory>
#include <optional>
#include <span>

#include "alert/lines/kept_alerts.hpp"
#include "alert/lines/markets.hpp"

// How an alert is put aside and taken up again: what it waits for, and the run that goes on with it. What wakes it must never
// come too late; too early does no harm, since its run judges it exactly. Pure.
namespace pricewire::alert {

// Whether alerts with these terms are put aside at all. Always live are closes and ages, for which the comparison with one
// run for each alert is yet to be made; those that wait for a value between levels that move; and those whose rules are
// joined by `all` where a level moves with time.
bool is_put_aside(const Terms& terms);

// Its lines are made, and reach back as far as its levels do. `pasts`: what is known of the time before; time has passed
// until `time`.
void keep_lines(const Terms& terms, std::span<const std::shared_ptr<const LinePast>> pasts, Timestamp time,
                Markets& markets);

// What is kept of it, if nothing of it can change but by what wakes it, now and as of any time since `reach`; `since` when
// nothing of it has changed.
std::optional<KeptAlert> put_aside(const Uuid& id, const rule::Run& run, Timestamp since, Timestamp reach,
                                   Markets& markets);

// Its run as it was before everything of `time`.
rule::Run run_of(const PutAside& aside, Markets& markets, Timestamp time);

}  // namespace pricewire::alert
