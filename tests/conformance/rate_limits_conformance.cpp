// What every RateLimits guarantees. An implementation joins by a line in the list of factories at the end.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cache/in_process/in_process_rate_limits.hpp"

namespace pricewire {
namespace {

using namespace std::chrono_literals;

struct Factory {
    std::string name;
    std::function<std::unique_ptr<RateLimits>()> create;
};

class RateLimitsConformance : public testing::TestWithParam<Factory> {
protected:
    void SetUp() override { limits_ = GetParam().create(); }

    std::unique_ptr<RateLimits> limits_;
    // An hour that is far from any other run's, for implementations whose buckets outlive them.
    MonoTime now_ = std::chrono::steady_clock::now() + 1h;
    const RateLimit limit_{5, 10s};
};

TEST_P(RateLimitsConformance, AllowsTheBurstThenRefusesAndSaysWhen) {
    for (std::uint32_t left = 5; left-- > 0;) {
        const auto d = limits_->take("burst", limit_, now_);
        EXPECT_TRUE(d.allowed);
        EXPECT_EQ(d.remaining, left);
    }
    const auto d = limits_->take("burst", limit_, now_);
    EXPECT_FALSE(d.allowed);
    EXPECT_EQ(d.remaining, 0u);
    EXPECT_EQ(d.retry_after, 2s);
    EXPECT_EQ(d.reset_after, 10s);
}

TEST_P(RateLimitsConformance, RefillsEvenlyAndNoFurtherThanFull) {
    for (int i = 0; i < 5; ++i) limits_->take("refill", limit_, now_);
    EXPECT_FALSE(limits_->take("refill", limit_, now_ + 2s - 1us).allowed);
    EXPECT_TRUE(limits_->take("refill", limit_, now_ + 2s).allowed);
    EXPECT_FALSE(limits_->take("refill", limit_, now_ + 2s).allowed);
    int allowed = 0;
    for (int i = 0; i < 20; ++i) allowed += limits_->take("refill", limit_, now_ + 24h).allowed ? 1 : 0;
    EXPECT_EQ(allowed, 5);
}

TEST_P(RateLimitsConformance, ARefusedRequestCostsNothing) {
    for (int i = 0; i < 5; ++i) limits_->take("patient", limit_, now_);
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(limits_->take("patient", limit_, now_ + 1s).allowed);
    EXPECT_TRUE(limits_->take("patient", limit_, now_ + 2s).allowed);
}

TEST_P(RateLimitsConformance, BucketsAreApart) {
    for (int i = 0; i < 6; ++i) limits_->take("user:a", limit_, now_);
    EXPECT_FALSE(limits_->take("user:a", limit_, now_).allowed);
    EXPECT_TRUE(limits_->take("user:b", limit_, now_).allowed);
    EXPECT_TRUE(limits_->take("user:a:rates", limit_, now_).allowed);
}

TEST_P(RateLimitsConformance, ManyThreadsShareOneBucketExactly) {
    const RateLimit limit{1000, 24h};
    std::atomic<int> allowed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 500; ++i) allowed += limits_->take("shared", limit, now_).allowed ? 1 : 0;
        });
    }
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(allowed.load(), 1000);
}

INSTANTIATE_TEST_SUITE_P(Limits, RateLimitsConformance,
                         testing::Values(Factory{"in_process",
                                                 [] { return create_in_process_rate_limits(); }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire
