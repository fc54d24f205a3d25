#pragma once

#include <algorithm>
#include <random>

#include "base/clock.hpp"

namespace pricewire::inline base {

using Rng = std::mt19937_64;

// Exponential back-off: the wait after failure n (from 1) is at most min * 2^(n-1) and at most max.
struct BackoffPolicy {
    Duration min;
    Duration max;

    Duration ceiling(int attempt) const {
        Duration d = min;
        for (int i = 1; i < attempt && d < max; ++i) d *= 2;
        return std::min(d, max);
    }
    // Uniform in [0, ceiling], which spreads a crowd of reconnecting clients best: "full jitter" of the AWS
    // Architecture Blog, "Exponential Backoff And Jitter", 2015.
    Duration full_jitter(int attempt, Rng& rng) const {
        return Duration{std::uniform_int_distribution<std::int64_t>(0, ceiling(attempt).count())(rng)};
    }
    // Uniform in [ceiling / 2, ceiling], for a peer that has just failed and gains nothing from an immediate
    // retry: "equal jitter" of the same source.
    Duration equal_jitter(int attempt, Rng& rng) const {
        const auto top = ceiling(attempt).count();
        return Duration{std::uniform_int_distribution<std::int64_t>(top / 2, top)(rng)};
    }
};

// The pauses after failures in a row, with equal jitter. Used by one thread.
class Backoff {
public:
    // What has worked for longer than `steady` starts the count again when it fails.
    explicit Backoff(BackoffPolicy policy, Duration steady = std::chrono::hours{24 * 365})
        : policy_(policy), steady_(steady) {}

    // After a failure: how long to wait. `worked_for`: how long it had worked before.
    Duration next(std::chrono::steady_clock::duration worked_for = {}) {
        if (worked_for > steady_) failures_ = 0;
        return policy_.equal_jitter(++failures_, rng_);
    }
    void reset() { failures_ = 0; }

private:
    const BackoffPolicy policy_;
    const Duration steady_;
    int failures_ = 0;
    Rng rng_{std::random_device{}()};
};

}  // namespace pricewire::inline base
