#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "access/rate_limits.hpp"
#include "base/decimal.hpp"

namespace pricewire::access {

// A token bucket in integers, so that rounding never loses a refill. It stores the debt, that is, how much of
// the bucket is missing, in nanoseconds / count: a token costs `period`, a full bucket holds count * period,
// and each nanosecond pays back `count`. This is the generic cell rate algorithm (ITU-T I.371, annex A). Not
// thread-safe. Every call on one bucket passes the same limit; with another count, the debt stays.
class TokenBucket {
public:
    // `kept` tokens are not given: the last ones, for others.
    RateDecision take(const RateLimit& limit, MonoTime now, std::uint32_t kept = 0) {
        return decide(limit, now, true, kept);
    }
    // What the last take() took was not used.
    void give_back(const RateLimit& limit) {
        debt_ = std::max<Units>(0, debt_ - std::chrono::nanoseconds(limit.period).count());
    }
    // Takes that many, or those that are left.
    void spend(const RateLimit& limit, std::uint32_t tokens, MonoTime now) {
        const Units token = std::chrono::nanoseconds(limit.period).count();
        pay_back(limit.count, now);
        debt_ = std::max(debt_, std::min(debt_ + tokens * token, limit.count * token));
    }
    RateDecision look(const RateLimit& limit, MonoTime now) { return decide(limit, now, false, 0); }

    // Whether it would be full at `now`, and so equivalent to a new bucket.
    bool is_full(const RateLimit& limit, MonoTime now) const {
        return Units{(now - at_).count()} * limit.count >= debt_;
    }

private:
    using Units = Decimal::Raw;

    RateDecision decide(const RateLimit& limit, MonoTime now, bool takes, std::uint32_t kept) {
        const Units count = limit.count;
        const Units token = std::chrono::nanoseconds(limit.period).count();
        pay_back(count, now);
        RateDecision out;
        const Units most = (count - Units{kept}) * token;
        out.allowed = debt_ + token <= most;
        if (out.allowed) {
            if (takes) debt_ += token;
        } else {
            out.retry_after = micros_to_pay(debt_ + token - most, count);
        }
        out.remaining = static_cast<std::uint32_t>(std::max<Units>(most - debt_, 0) / token);
        out.reset_after = micros_to_pay(debt_, count);
        return out;
    }

    void pay_back(Units count, MonoTime now) {
        // Threads read the clock before they take the lock, so `now` may be slightly older than `at_`.
        if (now <= at_) return;
        debt_ = std::max<Units>(0, debt_ - Units{(now - at_).count()} * count);
        at_ = now;
    }
    static Duration micros_to_pay(Units debt, Units count) {
        const Units per_micro = count * 1000;
        return Duration{static_cast<std::int64_t>((debt + per_micro - 1) / per_micro)};
    }

    Units debt_ = 0;
    MonoTime at_{};
};

}  // namespace pricewire::access
