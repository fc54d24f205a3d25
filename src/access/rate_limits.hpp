#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"

namespace pricewire::access {

// A token bucket: bursts of up to `count` requests, refilled evenly over `period`. Written "5/10s".
struct RateLimit {
    std::uint32_t count = 5;  // 1 to 1'000'000'000
    Duration period{};        // > 0
};

struct RateDecision {
    bool allowed = true;
    std::uint32_t remaining = 0;  // whole tokens left
    Duration retry_after{};       // until one token is available; zero if allowed
    Duration reset_after{};       // until the bucket is full again
};

// Token buckets by name ("user:<uuid>", "rates:<ip>"). Bounded memory. Thread-safe.
class RateLimits {
public:
    virtual ~RateLimits() = default;
    virtual RateDecision take(std::string_view bucket, const RateLimit& limit, MonoTime now) = 0;
    // What take() would decide, without taking a token: for calls that cost one only if they fail.
    virtual RateDecision look(std::string_view bucket, const RateLimit& limit, MonoTime now) = 0;
    // Takes that many tokens, or those that are left: for calls whose cost is known only when they have ended.
    virtual void spend(std::string_view bucket, const RateLimit& limit, std::uint32_t tokens,
                       MonoTime now) = 0;
};

}  // namespace pricewire::access
