#pragma once

#include <string>
#include <string_view>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "deliver/retry.hpp"
#include "domain/delivery.hpp"

namespace pricewire::deliver {

// What the end of an attempt says about its endpoint.
enum class Sign {
    success,      // 2xx, or any other answer of a living receiver: 3xx, 4xx
    throttled,    // 429: it is up but wants fewer requests
    failing,      // 5xx
    unavailable,  // 503: it fails and wants fewer requests
    silent,       // no answer: resolve, connect, TLS, time-out, protocol
    none,         // nothing was sent, we ended it, or the lack is ours: says nothing
};
Sign sign_of(const AttemptResult& result);

struct BreakerPolicy {
    int failures = 10;  // in a row; 0: never opens
    Duration pause_min = std::chrono::seconds{5};
    Duration pause_max = std::chrono::seconds{60};
};

// The circuit breaker of one endpoint. Pure. Source: Michael Nygard, "Release It!", 2nd edition, "Circuit
// Breaker": while closed it lets calls through and counts failures in a row; at a threshold it opens and lets
// none through; after a pause it is half open and lets one through, the probe, whose result closes it or
// opens it again.
//
// Here a failure is a missing answer or 5xx. The pause doubles from pause_min to pause_max with each failed
// probe and varies by up to a tenth either way. Attempts begun before it opened may end later: a success
// among them closes it, a failure changes nothing.
class CircuitBreaker {
public:
    BreakerState state() const { return state_; }
    int failures() const { return failures_; }
    // Whether an attempt may start: always while closed; while open once the pause is over, as the probe;
    // never while half open.
    bool allows(MonoTime now) const {
        return state_ == BreakerState::closed || (state_ == BreakerState::open && now >= retry_at_);
    }
    // The end of the pause, while open.
    MonoTime retry_at() const { return retry_at_; }

    // An attempt starts, which allows() permitted. True if it is the probe; pass that to end().
    bool start(const Moment& now);
    // An attempt has ended. True if the state or the end of the pause has changed.
    bool end(Sign sign, bool probe, std::string_view reason, const BreakerPolicy& policy, const Moment& now,
             Rng& rng);

    // The form that is stored and shown.
    Breaker view(const std::string& endpoint, const Moment& now) const;
    // From what view() returned, possibly in another process. A probe that was under way is repeated.
    void restore(const Breaker& stored, const BreakerPolicy& policy, const Moment& now);

private:
    void open(const BreakerPolicy& policy, const Moment& now, Rng& rng);

    BreakerState state_ = BreakerState::closed;
    int failures_ = 0;
    int pauses_ = 0;  // since it was last closed
    MonoTime retry_at_;
    Timestamp changed_at_;
    std::string reason_;  // the last failure; at most 200 bytes
};

}  // namespace pricewire::deliver
