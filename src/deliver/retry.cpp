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

AttemptOutcome decide(Attempt attempt, const AttemptResult& result, const RetryPolicy& policy, Timestamp now,
                      Rng& rng) {
    AttemptOutcome outcome{.attempt = std::move(attempt)};
    outcome.attempt.duration = result.duration;
    if (result.error == net::HttpError::none && result.status != 0) outcome.attempt.status = result.status;
    auto failure = failure_of(result);
    if (!failure) {
        outcome.next = DeliveryState::delivered;
        return outcome;
    }
    outcome.attempt.error = std::move(*failure);
    if (outcome.attempt.number >= policy.attempts) {
        outcome.next = DeliveryState::failed;
    } else {
        outcome.next = DeliveryState::pending;
        outcome.next_attempt_at = now + wait_after(outcome.attempt.number, policy, rng);
    }
    return outcome;
}

}  // namespace pricewire
