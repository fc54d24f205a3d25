#pragma once

#include <optional>
#include <string>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"

// What an attempt means for its delivery. Pure: no socket, no clock, no database.
namespace pricewire {

struct RetryPolicy {
    int attempts = 4;  // at least 1
    BackoffPolicy backoff{std::chrono::seconds{10}, std::chrono::seconds{600}};
};

// What is kept of the end of an HTTP request.
struct AttemptResult {
    net::HttpError error = net::HttpError::none;
    std::string error_text;  // where error is set
    int status = 0;          // where an answer came
    Duration duration{};
};

// Why the attempt failed, in one plain sentence; nullopt where it succeeded, which is a status of 2xx and
// nothing else: a redirect is not followed and fails.
std::optional<std::string> failure_of(const AttemptResult& result);

// How long to wait after failed attempt `number` (from 1): at random in the upper half of min * 2^number, and
// always within [min, max] of the policy, so the first wait lies in [min, 2 * min].
Duration wait_after(int number, const RetryPolicy& policy, Rng& rng);

// Success is delivered; a failure is pending again, wait_after() from `now`, until the policy's attempts are
// spent, and failed then. `attempt` has its delivery_id, number and started_at; the rest is filled in here.
DeliveryOutcome decide(Attempt attempt, const AttemptResult& result, const RetryPolicy& policy, Timestamp now,
                       Rng& rng);

}  // namespace pricewire
