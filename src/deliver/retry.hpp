#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"

// What an attempt means for its delivery. Pure: no socket, no clock, no database.
namespace pricewire::deliver {

struct RetryPolicy {
    int attempts = 4;  // at least 1
    BackoffPolicy backoff{std::chrono::seconds{10}, std::chrono::seconds{600}};
    // Waits after the first failures; after these the back-off begins.
    std::vector<Duration> first_retries;
};

// A receiver may not put an attempt off for longer than this.
constexpr Duration max_retry_after = std::chrono::hours{24};

// What is kept of the end of an HTTP request.
struct AttemptResult {
    net::HttpError error = net::HttpError::none;
    std::string error_text;  // where error is set
    int status = 0;          // where an answer came
    Duration duration{};
    std::string retry_after;  // the header's text; empty where there was none
    std::string remote_ip;
    std::string answer;  // the first max_kept_answer bytes of the body
    AttemptTimes times;
};
AttemptResult attempt_result(net::HttpResult&& result);

// Why the attempt failed, in one plain sentence; nullopt where it succeeded, which is a status of 2xx and
// nothing else: a redirect is not followed and fails.
std::optional<std::string> failure_of(const AttemptResult& result);

// How long to wait after the failed attempt that was number `round` (from 1) of those that count: within a
// tenth of first_retries' wait, while there is one; then, counted from there, at random in the upper half of
// min * 2^n, and always within [min, max] of the policy, so the back-off's first wait lies in [min, 2 * min].
Duration wait_after(int round, const RetryPolicy& policy, Rng& rng);

// What comes of an attempt that was made for `claim`:
//   2xx                                  delivered
//   410                                  failed, and the endpoint is disabled
//   any other failure                    pending after wait_after(), or after the Retry-After of a 429 or
//                                        503 where that is longer (plus up to a tenth, so that those told the
//                                        same do not come back as one)
//   the policy's attempts are spent      failed
//   the next would be past the deadline  expired, at once
// `made` has its delivery_id, number, started_at and request_headers; the rest is filled in here.
DeliveryOutcome decide(const ClaimedDelivery& claim, Attempt made, const AttemptResult& result,
                       const RetryPolicy& policy, Timestamp now, Rng& rng);

// What comes of a claim for which no attempt may be made: its deadline has passed, or its endpoint is
// disabled. nullopt where one may.
std::optional<DeliveryOutcome> ended_before(const ClaimedDelivery& claim, Timestamp now);

// What comes of a claim for which no attempt can be made for now, through no fault of its receiver: pending,
// for about a minute within the back-off's bounds, with all its attempts; expired where that is too late.
DeliveryOutcome put_off(const ClaimedDelivery& claim, std::string reason, const RetryPolicy& policy,
                        Timestamp now, Rng& rng);

// The outcome as the operator reads it: ends other than delivered as warnings, the rest at `level`.
// `endpoint` is scheme, host and port, or the host alone; never a path, which may hold a token.
void log_outcome(const ClaimedDelivery& claim, const DeliveryOutcome& outcome, std::string_view endpoint,
                 log::Level level);

}  // namespace pricewire::deliver
