#include "deliver/breaker.hpp"

#include <algorithm>
#include <random>

namespace pricewire::deliver {
namespace {

constexpr std::size_t max_reason = 200;

bool is_failure(Sign sign) {
    return sign == Sign::failing || sign == Sign::unavailable || sign == Sign::silent;
}

}  // namespace

Sign sign_of(const AttemptResult& result) {
    switch (result.error) {
        case net::HttpError::none:
            break;
        case net::HttpError::bad_url:
        case net::HttpError::refused_address:
        case net::HttpError::local:
        case net::HttpError::cancelled:
            return Sign::none;
        case net::HttpError::resolve:
        case net::HttpError::connect:
        case net::HttpError::tls:
        case net::HttpError::timeout:
        case net::HttpError::protocol:
            return Sign::silent;
    }
    if (result.status == 429) return Sign::throttled;
    if (result.status == 503) return Sign::unavailable;
    return result.status >= 500 ? Sign::failing : Sign::success;
}

bool CircuitBreaker::start(const Moment& now) {
    if (state_ != BreakerState::open) return false;
    state_ = BreakerState::half_open;
    changed_at_ = now.wall;
    return true;
}

void CircuitBreaker::open(const BreakerPolicy& policy, const Moment& now, Rng& rng) {
    const Duration pause = BackoffPolicy{policy.pause_min, policy.pause_max}.ceiling(++pauses_);
    const std::int64_t tenth = pause.count() / 10;
    state_ = BreakerState::open;
    retry_at_ = now.mono + pause + Duration{std::uniform_int_distribution<std::int64_t>(-tenth, tenth)(rng)};
    changed_at_ = now.wall;
}

bool CircuitBreaker::end(Sign sign, bool probe, std::string_view reason, const BreakerPolicy& policy,
                         const Moment& now, Rng& rng) {
    // A late success may have closed it during the probe.
    probe = probe && state_ == BreakerState::half_open;
    if (sign == Sign::none) {
        if (!probe) return false;
        // The probe said nothing: the next attempt is the probe.
        state_ = BreakerState::open;
        retry_at_ = now.mono + policy.pause_min;
        return true;
    }
    if (!is_failure(sign)) {
        failures_ = 0;
        pauses_ = 0;
        if (state_ == BreakerState::closed) return false;
        state_ = BreakerState::closed;
        changed_at_ = now.wall;
        reason_.clear();
        return true;
    }
    if (state_ != BreakerState::closed && !probe) return false;
    ++failures_;
    reason_ = reason.substr(0, max_reason);
    if (!probe && (policy.failures == 0 || failures_ < policy.failures)) return false;
    open(policy, now, rng);
    return true;
}

Breaker CircuitBreaker::view(const std::string& endpoint, const Moment& now) const {
    Breaker out;
    out.endpoint = endpoint;
    out.state = state_;
    out.failures = failures_;
    if (state_ == BreakerState::open) {
        out.retry_at = now.wall + std::chrono::duration_cast<Duration>(retry_at_ - now.mono);
    }
    out.reason = reason_;
    out.changed_at = changed_at_;
    return out;
}

void CircuitBreaker::restore(const Breaker& stored, const BreakerPolicy& policy, const Moment& now) {
    if (stored.state == BreakerState::closed || policy.failures == 0) return;
    state_ = BreakerState::open;
    failures_ = std::max(stored.failures, 1);
    pauses_ = std::max(failures_ - policy.failures + 1, 1);
    // After a change of the clock or the policy the endpoint must not stay blocked for long.
    const Duration left = stored.retry_at ? std::clamp<Duration>(*stored.retry_at - now.wall,
                                                                 Duration::zero(), policy.pause_max)
                                          : Duration::zero();
    retry_at_ = now.mono + left;
    changed_at_ = stored.changed_at;
    reason_ = stored.reason.substr(0, max_reason);
}

}  // namespace pricewire::deliver
