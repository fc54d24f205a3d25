#include "access/token_bucket.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

namespace pricewire::access {
namespace {

using namespace std::chrono_literals;

const MonoTime start = MonoTime{} + 1000h;

TEST(TokenBucket, AFullBucketAllowsCountRequestsAtOnceAndNoMore) {
    TokenBucket bucket;
    const RateLimit limit{5, 10s};
    for (std::uint32_t left = 5; left-- > 0;) {
        const auto d = bucket.take(limit, start);
        EXPECT_TRUE(d.allowed);
        EXPECT_EQ(d.remaining, left);
        EXPECT_EQ(d.retry_after, 0s);
        EXPECT_EQ(d.reset_after, 2s * (5 - left));
    }
    const auto refused = bucket.take(limit, start);
    EXPECT_FALSE(refused.allowed);
    EXPECT_EQ(refused.remaining, 0u);
    EXPECT_EQ(refused.retry_after, 2s);
    EXPECT_EQ(refused.reset_after, 10s);
}

TEST(TokenBucket, RetryAfterIsTheFirstMomentARequestIsAllowed) {
    TokenBucket bucket;
    const RateLimit limit{3, 10s};  // a token is 3,333,333.3 microseconds
    for (int i = 0; i < 3; ++i) bucket.take(limit, start);
    const auto refused = bucket.take(limit, start + 1s);
    EXPECT_EQ(refused.retry_after, 2'333'334us);
    EXPECT_FALSE(bucket.take(limit, start + 3'333'333us).allowed);
    EXPECT_TRUE(bucket.take(limit, start + 3'333'334us).allowed);
}

TEST(TokenBucket, TimeGoingBackwardsNeitherRefillsNorAddsDebt) {
    TokenBucket bucket;
    const RateLimit limit{1, 1s};
    EXPECT_TRUE(bucket.take(limit, start).allowed);
    EXPECT_FALSE(bucket.take(limit, start - 5s).allowed);
    EXPECT_FALSE(bucket.take(limit, start + 999'999us).allowed);
    EXPECT_TRUE(bucket.take(limit, start + 1s).allowed);
}

TEST(TokenBucket, TheLargestLimitDoesNotOverflow) {
    TokenBucket bucket;
    const RateLimit limit{1'000'000'000, 24h * 365};
    EXPECT_EQ(bucket.take(limit, start).remaining, 999'999'999u);
    EXPECT_EQ(bucket.take(limit, start + 24h * 365 * 50).remaining, 999'999'999u);
}

TEST(TokenBucket, IsFullOnlyOncePaidBack) {
    TokenBucket bucket;
    const RateLimit limit{2, 3s};
    bucket.take(limit, start);
    EXPECT_FALSE(bucket.is_full(limit, start + 1'499'999us));
    EXPECT_TRUE(bucket.is_full(limit, start + 1'500'000us));
}

// For any arrival pattern, any window (t0, t1] allows at most count + elapsed * count / period requests.
TEST(TokenBucket, NeverAllowsMoreThanBurstAndRefillInAnyWindow) {
    rc::check([] {
        const RateLimit limit{*rc::gen::inRange<std::uint32_t>(1, 20),
                              Duration{*rc::gen::inRange<std::int64_t>(1, 20'000'000)}};
        const auto gaps =
            *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 3'000'000));
        TokenBucket bucket;
        MonoTime now = start;
        std::vector<MonoTime> allowed;
        for (const std::int64_t gap : gaps) {
            now += Duration{gap};
            if (bucket.take(limit, now).allowed) allowed.push_back(now);
        }
        for (std::size_t i = 0; i < allowed.size(); ++i) {
            for (std::size_t j = i; j < allowed.size(); ++j) {
                const auto elapsed = std::chrono::duration_cast<Duration>(allowed[j] - allowed[i]).count();
                const auto bound = static_cast<std::int64_t>(limit.count) +
                                   elapsed * static_cast<std::int64_t>(limit.count) / limit.period.count();
                RC_ASSERT(static_cast<std::int64_t>(j - i + 1) <= bound);
            }
        }
    });
}

// Compared with a model that counts time exactly, in units of 1 / count microseconds.
TEST(TokenBucket, AgreesWithAnExactModelAndRetryAfterHolds) {
    rc::check([] {
        const RateLimit limit{*rc::gen::inRange<std::uint32_t>(1, 50),
                              Duration{*rc::gen::inRange<std::int64_t>(1, 10'000'000)}};
        const auto gaps =
            *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 1'000'000));
        const Decimal::Raw token = limit.period.count();
        const Decimal::Raw full = token * limit.count;
        Decimal::Raw level = full;
        TokenBucket bucket;
        MonoTime now = start;
        for (const std::int64_t gap : gaps) {
            now += Duration{gap};
            level = std::min(full, level + Decimal::Raw{gap} * limit.count);
            const RateDecision d = bucket.take(limit, now);
            RC_ASSERT(d.allowed == (level >= token));
            if (d.allowed) level -= token;
            RC_ASSERT(d.remaining == static_cast<std::uint32_t>(level / token));
            RC_ASSERT((d.retry_after == Duration{}) == d.allowed);
            if (!d.allowed) {
                TokenBucket later = bucket;
                TokenBucket earlier = bucket;
                RC_ASSERT(later.take(limit, now + d.retry_after).allowed);
                RC_ASSERT(!earlier.take(limit, now + d.retry_after - 1us).allowed);
            }
            RC_ASSERT(bucket.is_full(limit, now + d.reset_after));
        }
    });
}

}  // namespace
}  // namespace pricewire::access
