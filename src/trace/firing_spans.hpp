#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "trace/span.hpp"

// What the spans of a firing are. They belong to the trace of the request that created the alert, as its webhooks do:
//
//   firing                from the price's trade until the firing is durable                     a checker
//   ├ judge               until the alert is known to fire: the price's way here, and matching
//   ├ commit              until the firing and its delivery are durable
//   └ POST                one attempt; the parent that its traceparent names                     a sender
//     ├ dns, connect, tls those that were needed
//     └ answer            from the request to the first byte of the answer
//
// Attempts of tests, of expiries and to devices have no parent. Times are by the clocks of the processes that measured them.
namespace pricewire::trace {

// Whether the firings of an alert are recorded: the same in every process. `percent`: of how many alerts, 0 to 100.
bool is_recorded(const Uuid& alert, int percent);

// A firing that a commit has written.
struct WrittenFiring {
    Uuid alert_id;
    Uuid user_id;
    Uuid delivery_id;
    std::string ticker;
    Timestamp price_time;
    Timestamp fired_at;
    Timestamp committed_at;
    bool is_late = false;
};

// Those that are recorded, at most `most`.
std::vector<WrittenFiring> recorded_firings(std::span<const FiringGroup> groups,
                                            std::span<const DeliveryTask> written, Timestamp committed_at,
                                            int percent, std::size_t most);

std::vector<Span> firing_spans(const WrittenFiring& firing, const std::string& trace_id);

// Of the attempt, which was made, in the trace that its request named.
std::vector<Span> attempt_spans(const ClaimedDelivery& claimed, const Attempt& attempt,
                                const DeliveryOutcome& outcome, const std::string& trace_id);

// The span that is the parent of whatever the receiver does for this attempt.
std::string attempt_span_id(const Uuid& delivery, int attempt);

}  // namespace pricewire::trace
