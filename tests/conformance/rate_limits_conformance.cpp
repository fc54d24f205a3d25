// The contract of every RateLimits. To add an implementation, add it to the list of factories at the end.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "access/in_process/in_process_rate_limits.hpp"
#include "access/redis/redis_rate_limits.hpp"
#include "redis_contract.hpp"

namespace pricewire::conformance::rate_limits {
namespace {

using namespace std::chrono_literals;

using Maker = Factory<access::RateLimits>;

class RateLimitsConformance : public RedisContract<Maker> {
protected:
    void create() override { limits_ = make(); }
    // On Redis real time passes: `wanted`, or less by the time the test took.
    void expect_time(Duration is, Duration wanted) const {
        if (GetParam().on_redis) {
            EXPECT_LE(is, wanted);
            EXPECT_GT(is, wanted - 5min);
        } else {
            EXPECT_EQ(is, wanted);
        }
    }
    // Lets that time pass.
    void wait(Duration time) {
        now_ += time;
        if (GetParam().on_redis) std::this_thread::sleep_for(time);
    }

    std::unique_ptr<access::RateLimits> limits_;
    // Far from the time of other runs, for implementations whose buckets outlive the process.
    MonoTime now_ = std::chrono::steady_clock::now() + 1h;
    const access::RateLimit limit_{5, 10h};
};

TEST_P(RateLimitsConformance, AllowsTheBurstThenRefusesWithARetryTime) {
    for (std::uint32_t left = 5; left-- > 0;) {
        const auto d = limits_->take("burst", limit_, now_);
        EXPECT_TRUE(d.allowed);
        EXPECT_EQ(d.remaining, left);
    }
    const auto d = limits_->take("burst", limit_, now_);
    EXPECT_FALSE(d.allowed);
    EXPECT_EQ(d.remaining, 0u);
    expect_time(d.retry_after, 2h);
    expect_time(d.reset_after, 10h);
}

TEST_P(RateLimitsConformance, LookingTakesNothing) {
    for (int i = 0; i < 20; ++i) {
        const auto d = limits_->look("looked at", limit_, now_);
        EXPECT_TRUE(d.allowed);
        EXPECT_EQ(d.remaining, 5U);
    }
    for (std::uint32_t left = 5; left-- > 0;) {
        limits_->take("looked at", limit_, now_);
        EXPECT_EQ(limits_->look("looked at", limit_, now_).remaining, left);
    }
    for (int i = 0; i < 3; ++i) {
        const auto d = limits_->look("looked at", limit_, now_);
        EXPECT_FALSE(d.allowed);
        expect_time(d.retry_after, 2h);
    }
}

TEST_P(RateLimitsConformance, SpendingTakesSeveralOrWhatIsLeft) {
    limits_->spend("spent", limit_, 2, now_);
    EXPECT_EQ(limits_->look("spent", limit_, now_).remaining, 3U);
    limits_->spend("spent", limit_, 0, now_);
    limits_->spend("spent", limit_, 1, now_);
    EXPECT_EQ(limits_->look("spent", limit_, now_).remaining, 2U);
    limits_->spend("spent", limit_, 1000, now_);
    const auto d = limits_->take("spent", limit_, now_);
    EXPECT_FALSE(d.allowed);
    expect_time(d.retry_after, 2h);
    expect_time(d.reset_after, 10h);
    limits_->spend("spent", limit_, 1, now_);
    expect_time(limits_->look("spent", limit_, now_).reset_after, 10h);
}

TEST_P(RateLimitsConformance, RefillsEvenlyUpToTheLimit) {
    const access::RateLimit quick{5, 1s};
    const auto spend = [&] {
        for (int i = 0; i < 1000; ++i) {
            const access::RateDecision d = limits_->take("refill", quick, now_);
            if (!d.allowed) return d.retry_after;
        }
        return Duration{};
    };
    const Duration until_next = spend();
    ASSERT_GT(until_next, Duration{});
    ASSERT_LE(until_next, 200ms);
    wait(until_next);
    EXPECT_TRUE(limits_->take("refill", quick, now_).allowed);
    if (!GetParam().on_redis) {
        EXPECT_FALSE(limits_->take("refill", quick, now_ + 200ms - 1us).allowed);
        EXPECT_TRUE(limits_->take("refill", quick, now_ + 200ms).allowed);
        now_ += 200ms;
    }
    spend();
    wait(2s);
    const access::RateDecision full = limits_->take("refill", quick, now_);
    EXPECT_TRUE(full.allowed);
    EXPECT_EQ(full.remaining, 4u) << "two periods fill it no further than one";
}

TEST_P(RateLimitsConformance, ARefusedRequestCostsNothing) {
    const access::RateLimit slow{1, 1s};
    EXPECT_TRUE(limits_->take("patient", slow, now_).allowed);
    for (int i = 0; i < 100; ++i) {
        const access::RateDecision d = limits_->take("patient", slow, now_);
        EXPECT_LE(d.reset_after, 1s);
        EXPECT_LE(d.retry_after, 1s);
    }
    wait(1s);
    EXPECT_TRUE(limits_->take("patient", slow, now_).allowed);
}

TEST_P(RateLimitsConformance, BucketsAreIndependent) {
    for (int i = 0; i < 6; ++i) limits_->take("user:a", limit_, now_);
    EXPECT_FALSE(limits_->take("user:a", limit_, now_).allowed);
    EXPECT_TRUE(limits_->take("user:b", limit_, now_).allowed);
    EXPECT_TRUE(limits_->take("user:a:rates", limit_, now_).allowed);
}

TEST_P(RateLimitsConformance, ManyThreadsShareOneBucketExactly) {
    const access::RateLimit limit{1000, 24h};
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

std::unique_ptr<access::RateLimits> in_process(const redis::TestKeys*) {
    return access::create_in_process_rate_limits();
}

std::unique_ptr<access::RateLimits> on_redis(const redis::TestKeys* keys) {
    access::RedisCacheOptions options;
    options.url = keys->url();
    options.prefix = keys->prefix();
    options.command_timeout = 10s;
    return access::create_redis_rate_limits(options);
}

INSTANTIATE_TEST_SUITE_P(Limits, RateLimitsConformance,
                         testing::Values(Maker{"in_process", false, in_process},
                                         Maker{"redis", true, on_redis}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pricewire::conformance::rate_limits
