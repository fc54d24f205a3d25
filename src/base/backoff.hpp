#pragma once

#include <algorithm>
#include <random>

#include "base/clock.hpp"

namespace pricewire::inline base {

using Rng = std::mt19937_64;

// Exponential back-off: attempt n (from 1) waits at most min * 2^(n-1), at most max.
struct BackoffPolicy {
    Duration min;
    Duration max;

    Duration ceiling(int attempt) const {
        Duration d = min;
        for (int i = 1; i < attempt && d < max; ++i) d *= 2;
        return std::min(d, max);
    }
    // "Full jitter": uniform in [0, ceiling]. Spreads a crowd of reconnects best.
    // Source: AWS Architecture Blog, "Exponential Backoff And Jitter", 2015.
    Duration full_jitter(int attempt, Rng& rng) const {
        return Duration{std::uniform_int_distribution<std::int64_t>(0, ceiling(attempt).count())(rng)};
    }
    // Uniform in [ceiling / 2, ceiling] ("equal jitter", same source): for webhooks, where a retry at once is
    // wasted on a receiver that has just failed.
    Duration equal_jitter(int attempt, Rng& rng) const {
        const auto top = ceiling(attempt).count();
        return Duration{std::uniform_int_distribution<std::int64_t>(top / 2, top)(rng)};
    }
};

}  // namespace pricewire::inline base
