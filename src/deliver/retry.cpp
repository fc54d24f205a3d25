#include "deliver/retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/http_date.hpp"
#include "base/log.hpp"
#include "deliver/request.hpp"

namespace pricewire::deliver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A header longer than any date is garbage and not kept.
constexpr std::size_t max_retry_after_text = 64;

Duration between(Duration least, Duration most, Rng& rng) {
    return Duration{std::uniform_int_distribution<std::int64_t>(least.count(), most.count())(rng)};
}

// How long the receiver asks us to wait; zero if it does not.
Duration asked_wait(const AttemptResult& result, Timestamp now, Rng& rng) {
    if (result.status != 429 && result.status != 503) return Duration::zero();
    const auto asked = parse_retry_after(result.retry_after, now);
    if (!asked) return Duration::zero();
    const Duration wait = std::min(*asked, max_retry_after);
    const Duration spread = std::min<Duration>(wait / 10, seconds{10});
    return std::min(wait + between(Duration::zero(), spread, rng), max_retry_after);
}

std::string too_late(const ClaimedDelivery& claim) {
    return fmt::format("not delivered within {}, its alert's deliver_within",
                       format_duration(claim.alert.deliver_within));
}

DeliveryOutcome outcome_of(const ClaimedDelivery& claim, DeliveryState next, std::string reason,
                           Timestamp now) {
    DeliveryOutcome outcome;
    outcome.delivery_id = claim.id;
    outcome.attempt_number = claim.attempt;
    outcome.next = next;
    outcome.reason = std::move(reason);
    outcome.ended_at = now;
    if (claim.push) outcome.push_id = claim.push->subscription_id;
    return outcome;
}

// Sets what follows from an answer of a push service that is final; false if there may be another attempt.
bool ends_push(DeliveryOutcome& outcome) {
    const int status = outcome.attempt->status.value_or(0);
    if (status == 401 || status == 403) {
        outcome.reason += "; does push.contact name an address that exists?";
        return false;
    }
    outcome.push_gone = status == 404 || status == 410;
    if (outcome.push_gone) outcome.reason += ": the browser has ended its subscription";
    if (status == 413) outcome.reason += ": the message is too long for it";
    return outcome.push_gone || status == 413;
}

// Why a delivery has ended without success, as the log says it.
std::string ended_in_words(const ClaimedDelivery& claim, const DeliveryOutcome& outcome) {
    const std::string_view what = claim.push ? "a push" : "a webhook";
    if (outcome.next == DeliveryState::expired) return fmt::format("{} could not be delivered in time", what);
    if (outcome.disable_endpoint)
        return "a receiver wants no more webhooks; its user's deliveries to this URL end";
    if (outcome.push_gone) return "a browser wants no more pushes; its device is removed";
    if (!outcome.attempt && claim.push) return "a push was not sent; its device was removed";
    if (!outcome.attempt) return "a webhook was not sent; its URL is disabled";
    return fmt::format("{} could not be delivered; its attempts are used up", what);
}

}  // namespace

AttemptResult attempt_result(net::HttpResult&& result) {
    AttemptResult out;
    out.error = result.error;
    out.error_text = std::move(result.error_text);
    out.body_error = std::move(result.body_error);
    out.status = result.status;
    out.duration = result.duration;
    if (const std::string* text = result.header("retry-after")) {
        if (text->size() <= max_retry_after_text) out.retry_after = *text;
    }
    out.remote_ip = std::move(result.remote_ip);
    out.answer = std::move(result.body);
    if (out.answer.size() > max_kept_answer) {
        out.answer.resize(max_kept_answer);
        out.answer.shrink_to_fit();
    }
    out.times = {result.times.dns, result.times.connect, result.times.tls, result.times.first_byte};
    return out;
}

std::optional<std::string> failure_of(const AttemptResult& result, std::string_view receiver) {
    if (result.error != net::HttpError::none) {
        return result.error_text.empty() ? std::string(net::to_string(result.error)) : result.error_text;
    }
    if (result.status >= 200 && result.status < 300) return std::nullopt;
    if (result.status >= 300 && result.status < 400) {
        return fmt::format("{} answered {}, a redirect; redirects are not followed", receiver, result.status);
    }
    return fmt::format("{} answered {}{}", receiver, result.status, result.status == 410 ? " Gone" : "");
}

Duration wait_after(int round, const RetryPolicy& policy, Rng& rng) {
    const int first = static_cast<int>(policy.first_retries.size());
    if (round <= first) {
        const Duration wait = policy.first_retries[static_cast<std::size_t>(std::max(round, 1) - 1)];
        return between(wait - wait / 10, wait + wait / 10, rng);
    }
    return std::max(policy.backoff.min, policy.backoff.equal_jitter(round - first + 1, rng));
}

DeliveryOutcome decide(const ClaimedDelivery& claim, Attempt made, const AttemptResult& result,
                       const RetryPolicy& policy, Timestamp now, Rng& rng) {
    DeliveryOutcome outcome =
        outcome_of(claim, DeliveryState::delivered, {}, made.started_at + result.duration);
    outcome.attempt = std::move(made);
    Attempt& attempt = *outcome.attempt;
    attempt.duration = result.duration;
    attempt.remote_ip = result.remote_ip;
    attempt.answer = result.answer.substr(0, max_kept_answer);
    attempt.times = result.times;
    if (result.error == net::HttpError::none && result.status != 0) attempt.status = result.status;
    auto failure = failure_of(result, receiver_of(claim));
    if (!result.body_error.empty()) attempt.error = "the answer's body is not whole: " + result.body_error;
    if (!failure) return outcome;

    attempt.error = attempt.error.empty() ? *failure : *failure + "; " + attempt.error;
    outcome.reason = std::move(*failure);
    outcome.disable_endpoint = attempt.status == 410 && !claim.push;
    const bool ends = outcome.disable_endpoint || (claim.push && ends_push(outcome));
    if (ends || claim.round >= policy.attempts) {
        outcome.next = DeliveryState::failed;
        return outcome;
    }
    const Duration scheduled = wait_after(claim.round, policy, rng);
    const Timestamp next = now + std::max(scheduled, asked_wait(result, now, rng));
    if (next > claim.deadline) {
        outcome.next = DeliveryState::expired;
        outcome.reason = too_late(claim) + "; the last attempt: " + outcome.reason;
        return outcome;
    }
    outcome.next = DeliveryState::pending;
    outcome.next_attempt_at = next;
    return outcome;
}

std::optional<DeliveryOutcome> ended_before(const ClaimedDelivery& claim, Timestamp now) {
    if (claim.push && claim.push->is_gone()) {
        return outcome_of(claim, DeliveryState::failed, "no attempt was made: the device was removed", now);
    }
    if (!claim.push && claim.alert.endpoint_disabled_at) {
        return outcome_of(
            claim, DeliveryState::failed,
            fmt::format("no attempt was made: the URL was disabled at {}; the list of endpoints says why",
                        format_rfc3339(*claim.alert.endpoint_disabled_at)),
            now);
    }
    if (now > claim.deadline) {
        return outcome_of(claim, DeliveryState::expired,
                          too_late(claim) + "; no further attempt could be made in time", now);
    }
    return std::nullopt;
}

Duration wait_for_secret(const RetryPolicy& policy) {
    return std::clamp<Duration>(std::chrono::minutes{1}, policy.backoff.min, policy.backoff.max);
}

Duration wait_for_ourselves(const ClaimedDelivery& claim, const RetryPolicy& policy, Timestamp now) {
    const Duration least = std::min<Duration>(seconds{1}, policy.backoff.min);
    const Duration most = std::min<Duration>(std::chrono::minutes{1}, policy.backoff.max);
    const Duration wait = std::clamp<Duration>((now - claim.created_at) / 2, least, most);
    return std::max(least, std::min<Duration>(wait, claim.deadline - now));
}

DeliveryOutcome put_off(const ClaimedDelivery& claim, std::string reason, Duration wait, Timestamp now,
                        Rng& rng) {
    return put_off_until(claim, now + between(wait - wait / 4, wait, rng), std::move(reason), now);
}

DeliveryOutcome put_off_until(const ClaimedDelivery& claim, Timestamp next, std::string reason,
                              Timestamp now) {
    if (next > claim.deadline) {
        return outcome_of(claim, DeliveryState::expired, too_late(claim) + "; last reason: " + reason, now);
    }
    DeliveryOutcome outcome = outcome_of(claim, DeliveryState::pending, std::move(reason), now);
    outcome.next_attempt_at = next;
    return outcome;
}

void log_outcome(const ClaimedDelivery& claim, const DeliveryOutcome& outcome, std::string_view endpoint,
                 log::Level level) {
    const bool bad = outcome.next == DeliveryState::failed || outcome.next == DeliveryState::expired;
    if (!bad && !log::enabled(level)) return;
    const std::string trace_id = trace_of(claim).id;
    const log::Scope scope({{"trace_id", trace_id}});
    const int made = outcome.attempt ? claim.attempt : claim.attempt - 1;
    if (bad) {
        const bool removed = outcome.push_gone || (claim.push && claim.push->is_gone());
        log::write(removed ? log::Level::info : log::Level::warn, ended_in_words(claim, outcome),
                   {{"delivery_id", claim.id.to_string()},
                    {"alert_id", claim.alert.id.to_string()},
                    {"endpoint", std::string(endpoint)},
                    {"attempts", std::to_string(made)},
                    {"reason", outcome.reason}});
        return;
    }
    std::string status = "none", took = "0";
    if (outcome.attempt) {
        if (outcome.attempt->status) status = std::to_string(*outcome.attempt->status);
        took = std::to_string(outcome.attempt->duration / milliseconds{1});
    }
    log::write(level, claim.push ? "push attempt" : "webhook attempt",
               {{"delivery_id", claim.id.to_string()},
                {"alert_id", claim.alert.id.to_string()},
                {"attempt", std::to_string(claim.attempt)},
                {"endpoint", std::string(endpoint)},
                {"status", status},
                {"ms", took},
                {"next", std::string(to_string(outcome.next))},
                {"reason", outcome.reason}});
}

}  // namespace pricewire::deliver
