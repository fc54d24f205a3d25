#include "deliver/retry.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace pricewire {

std::optional<std::string> failure_of(const AttemptResult& result) {
    if (result.error != net::HttpError::none) {
        return result.error_text.empty() ? std::string(net::to_string(result.error)) : result.error_text;
    }
    if (result.status >= 200 && result.status < 300) return std::nullopt;
    if (result.status >= 300 && result.status < 400) {
        return fmt::format("the receiver answered {}, a redirect; redirects are not followed", result.status);
    }
    return fmt::format("the receiver answered {}", result.status);
}

Duration wait_after(int number, const RetryPolicy& policy, Rng& rng) {
    return std::max(policy.backoff.min, policy.backoff.equal_jitter(number + 1, rng));
}

DeliveryOutcome decide(Attempt made, const AttemptResult& result, const RetryPolicy& policy, Timestamp now,
                       Rng& rng) {
    DeliveryOutcome outcome{
        .delivery_id = made.delivery_id, .attempt_number = made.number, .attempt = std::move(made)};
    outcome.ended_at = outcome.attempt->started_at + result.duration;
    Attempt& attempt = *outcome.attempt;
    attempt.duration = result.duration;
    if (result.error == net::HttpError::none && result.status != 0) attempt.status = result.status;
    auto failure = failure_of(result);
    if (!failure) {
        outcome.next = DeliveryState::delivered;
        return outcome;
    }
    outcome.reason = *failure;
    attempt.error = std::move(*failure);
    if (attempt.number >= policy.attempts) {
        outcome.next = DeliveryState::failed;
    } else {
        outcome.next = DeliveryState::pending;
        outcome.next_attempt_at = now + wait_after(attempt.number, policy, rng);
    }
    return outcome;
}

}  // namespace pricewire
