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
    // The waits after the first failures, before the back-off begins.
    std::vector<Duration> first_retries;
};

// The longest wait that a receiver may ask for.
constexpr Duration max_retry_after = std::chrono::hours{24};

// The result of an HTTP request, as far as it is kept.
struct AttemptResult {
    net::HttpError error = net::HttpError::none;
    std::string error_text;  // if error is set
    int status = 0;          // if there was an answer
    std::string body_error;  // why its body is not whole; empty if it is
    Duration duration{};
    std::string retry_after;  // the header's text; empty if there was none
    std::string remote_ip;
    std::string answer;  // the first max_kept_answer bytes of the body
    AttemptTimes times;
};
AttemptResult attempt_result(net::HttpResult&& result);

// Who answers its attempts, in words.
constexpr std::string_view receiver_of(const ClaimedDelivery& claim) {
    return claim.push ? "the push service" : "the receiver";
}

// Why the attempt failed, in one sentence; nullopt if it succeeded, that is, with a status of 2xx. A redirect
// is not followed and fails. `receiver` is who has answered.
std::optional<std::string> failure_of(const AttemptResult& result,
                                      std::string_view receiver = "the receiver");

// How long to wait after the failed attempt number `round` (from 1) of those that count: within a tenth of
// the wait in first_retries while there is one; then, with n counted from there, random in the upper half of
// min * 2^n, and always within [min, max] of the policy, so that the back-off's first wait is in [min, 2 *
// min].
Duration wait_after(int round, const RetryPolicy& policy, Rng& rng);

// The outcome of an attempt made for `claim`:
//   2xx                                  delivered
//   410                                  failed, and the endpoint is disabled
//   404, 410 of a push                   failed, and the device is gone
//   413 of a push                        failed
//   any other failure                    pending after wait_after(), or after the Retry-After of a 429 or
//                                        503 if that is longer (plus up to a tenth, so that not all with the
//                                        same Retry-After come back at once)
//   the policy's attempts are used up    failed
//   the next would be past the deadline  expired, at once
// Not for a failure of our own (net::HttpError::local): see put_off().
// `made` has its delivery_id, number, started_at and request_headers; the rest is filled in here.
DeliveryOutcome decide(const ClaimedDelivery& claim, Attempt made, const AttemptResult& result,
                       const RetryPolicy& policy, Timestamp now, Rng& rng);

// The outcome of a claim for which no attempt may be made, since its deadline has passed, its endpoint is
// disabled, or its device was removed; nullopt if one may.
std::optional<DeliveryOutcome> ended_before(const ClaimedDelivery& claim, Timestamp now);

// The outcome of a claim for which no attempt can be made for now for reasons on our side: pending for `wait`
// or up to a quarter less, with all its attempts; expired if that is too late.
DeliveryOutcome put_off(const ClaimedDelivery& claim, std::string reason, Duration wait, Timestamp now,
                        Rng& rng);

// How long to wait for a key that opens a secret: about a minute, within the back-off's bounds.
Duration wait_for_secret(const RetryPolicy& policy);

// How long to wait after a failure of our own: half the delivery's age, so that pauses grow without being
// counted, from a second to a minute, or less if the back-off's bounds are lower.
Duration wait_for_ourselves(const ClaimedDelivery& claim, const RetryPolicy& policy, Timestamp now);

// The outcome of a claim that waits until `next` without an attempt; expired if that is too late.
DeliveryOutcome put_off_until(const ClaimedDelivery& claim, Timestamp next, std::string reason,
                              Timestamp now);

// Logs the outcome: failed and expired as warnings, but for devices that are gone, which is how most end; the rest at
// `level`.
// `endpoint` is scheme, host and port, or the host alone; never a path, which may hold a token.
void log_outcome(const ClaimedDelivery& claim, const DeliveryOutcome& outcome, std::string_view endpoint,
                 log::Level level);

}  // namespace pricewire::deliver
