// Leases without Redis: a bucket of token_bucket.hpp stands for the shared one.
#include "access/redis/leases.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "access/token_bucket.hpp"
#include "base/clock.hpp"

namespace pricewire::access {
namespace {

using namespace std::chrono_literals;

// A bucket that several processes share.
class Shared {
public:
    explicit Shared(RateLimit limit) : limit_(limit) {}
    // As take_tokens() of scripts.hpp with "lease".
    std::uint32_t take(std::uint32_t wanted, MonoTime now) {
        ++trips;
        while (wanted > 1 && bucket_.look(limit_, now).remaining < wanted) wanted /= 2;
        if (!bucket_.look(limit_, now).allowed) return 0;
        for (std::uint32_t i = 0; i < wanted; ++i) bucket_.take(limit_, now);
        return wanted;
    }
    Leases::Debt debt(MonoTime now) { return {bucket_.look(limit_, now).reset_after.count(), 0}; }
    int trips = 0;

private:
    const RateLimit limit_;
    TokenBucket bucket_;
};

class LeasesTest : public testing::Test {
protected:
    bool take(Leases& process, Shared& shared, const RateLimit& limit) {
        const auto plan = process.take("b", limit, now_);
        if (plan.decision) return plan.decision->allowed;
        const std::uint32_t tokens = shared.take(plan.tokens, now_);
        return process.granted("b", limit, plan, tokens, shared.debt(now_), now_).allowed;
    }
    MonoTime now_{std::chrono::hours{1}};
};

TEST_F(LeasesTest, SmallBucketsAreNotLeased) {
    EXPECT_LT(Leases::most({5, 10s}), 2U);
    EXPECT_LT(Leases::most({30, 1min}), 2U);
    EXPECT_LT(Leases::most({31, 1s}), 2U);
    EXPECT_EQ(Leases::most({32, 1s}), 2U);
    EXPECT_EQ(Leases::most({1000, 1s}), 62U);
    EXPECT_EQ(Leases::most({1000, 10s}), 25U) << "what it is refilled with in a quarter of a second";
    EXPECT_EQ(Leases::most({1'000'000'000, 1s}), 100'000U);
    Leases leases;
    for (int i = 0; i < 5; ++i) {
        const auto plan = leases.take("b", {5, 10s}, now_);
        EXPECT_FALSE(plan.decision || plan.is_lease);
        EXPECT_EQ(plan.tokens, 1U);
        leases.granted("b", {5, 10s}, plan, 1, {}, now_);
    }
}

TEST_F(LeasesTest, WhoAsksOftenNeedsFewTrips) {
    const RateLimit limit{1'000'000, 1s};
    Shared shared(limit);
    Leases process;
    for (int i = 0; i < 10'000; ++i) {
        EXPECT_TRUE(take(process, shared, limit));
        now_ += 10us;
    }
    EXPECT_LE(shared.trips, 15);
}

TEST_F(LeasesTest, WhoAsksSeldomTakesNothingInAdvance) {
    const RateLimit limit{1000, 1s};
    Shared shared(limit);
    Leases process;
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(take(process, shared, limit));
        now_ += 251ms;
    }
    EXPECT_EQ(shared.trips, 100);
    EXPECT_EQ(shared.take(1000, now_), 1000U) << "the bucket is full";
}

TEST_F(LeasesTest, ALeaseEndsWithItsTime) {
    const RateLimit limit{1000, 1s};
    Shared shared(limit);
    Leases process;
    for (int i = 0; i < 20; ++i) take(process, shared, limit);
    const int trips = shared.trips;
    now_ += Leases::lease_time;
    take(process, shared, limit);
    EXPECT_EQ(shared.trips, trips + 1);
}

// However requests are spread over processes and time, no more are allowed within any time than the bucket holds, is refilled
// with, and one lease for each process.
TEST_F(LeasesTest, NoMoreIsOvershotThanALeaseForEachProcess) {
    constexpr int processes = 3;
    for (const RateLimit limit : {RateLimit{1000, 1s}, RateLimit{500, 5s}, RateLimit{40, 500ms}}) {
        Shared shared(limit);
        std::vector<Leases> all(processes);
        std::vector<MonoTime> allowed;
        std::uint64_t random = 42;
        for (int i = 0; i < 60'000; ++i) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            // Idle for up to a second now and then, so that buckets fill while leases are held.
            now_ += (random >> 33) % 500 == 0 ? Duration{(random >> 40) % 1'000'000}
                                              : Duration{(random >> 33) % 200};
            if (take(all[(random >> 50) % processes], shared, limit)) allowed.push_back(now_);
        }
        const double rate = static_cast<double>(limit.count) / static_cast<double>(limit.period.count());
        std::size_t from = 0;
        for (std::size_t to = 0; to < allowed.size(); ++to) {
            // The longest window that can hold a full bucket and its refill of a period.
            while (allowed[to] - allowed[from] > limit.period) ++from;
            for (const std::size_t begin :
                 {from, (from + to) / 2, to - std::min<std::size_t>(to - from, 100)}) {
                const auto took = static_cast<double>(
                    std::chrono::duration_cast<Duration>(allowed[to] - allowed[begin]).count());
                const double most = limit.count + rate * took + processes * Leases::most(limit) + 1;
                ASSERT_LE(static_cast<double>(to - begin + 1), most);
            }
        }
        EXPECT_GT(allowed.size(), limit.count) << "not for want of requests";
    }
}

// The worst case: leases are held while the bucket fills again.
TEST_F(LeasesTest, AFullBucketAndALeaseEachAreTheMostAtOnce) {
    const RateLimit limit{1000, 1s};
    Shared shared(limit);
    std::vector<Leases> processes(3);
    // Few enough for the bucket to stay full, and each lease is used up within its time until the last.
    for (int i = 0; i < 65; ++i) {
        for (Leases& process : processes) EXPECT_TRUE(take(process, shared, limit));
        now_ += 3ms;
    }
    now_ += 150ms;
    std::uint32_t allowed = 0;
    for (int i = 0; i < 3000; ++i) {
        for (Leases& process : processes) allowed += take(process, shared, limit) ? 1 : 0;
    }
    EXPECT_GT(allowed, 1000U) << "or this is not the worst case";
    EXPECT_LE(allowed, 1000U + 3 * Leases::most(limit));
}

TEST_F(LeasesTest, ThatABucketIsEmptyIsRememberedUntilItsNextToken) {
    const RateLimit limit{5, 10s};
    Shared shared(limit);
    Leases process;
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(process, shared, limit));
    EXPECT_FALSE(take(process, shared, limit));
    const int trips = shared.trips;
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(take(process, shared, limit));
    EXPECT_EQ(shared.trips, trips);
    now_ += Leases::lease_time;
    EXPECT_FALSE(take(process, shared, limit));
    EXPECT_EQ(shared.trips, trips + 1) << "it may have been wiped";
    now_ += 2s;
    EXPECT_TRUE(take(process, shared, limit));

    const RateLimit quick{20, 1s};
    Shared other(quick);
    Leases another;
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(take(another, other, quick));
    EXPECT_FALSE(take(another, other, quick));
    now_ += 50ms;
    EXPECT_TRUE(take(another, other, quick)) << "its next token has come";
}

TEST_F(LeasesTest, OneThreadAtATimeAsksForALease) {
    const RateLimit limit{1000, 1s};
    Leases leases;
    const auto first = leases.take("b", limit, now_);
    EXPECT_TRUE(first.is_lease);
    EXPECT_FALSE(leases.take("b", limit, now_).is_lease);
    leases.failed("b", first);
    const auto second = leases.take("b", limit, now_);
    EXPECT_TRUE(second.is_lease) << "Redis did not answer, so the next one asks";
    leases.granted("b", limit, second, 1, {}, now_);
    const auto third = leases.take("b", limit, now_);
    EXPECT_EQ(third.tokens, 2U);
    EXPECT_EQ(leases.take("b", limit, now_).tokens, 1U);
}

TEST_F(LeasesTest, ShowsWhatIsLeftAsIfNothingWereLeased) {
    const RateLimit limit{1000, 1000s};
    ASSERT_LT(Leases::most(limit), 2U);
    const RateLimit leased{1000, 10s};
    Shared shared(leased);
    Leases process;
    for (std::uint32_t i = 1; i <= 100; ++i) {
        const auto plan = process.take("b", leased, now_);
        const auto decision =
            plan.decision
                ? *plan.decision
                : process.granted("b", leased, plan, shared.take(plan.tokens, now_), shared.debt(now_), now_);
        ASSERT_EQ(decision.remaining, 1000 - i);
        ASSERT_EQ(decision.reset_after, i * 10ms);
    }
    EXPECT_LT(shared.trips, 15);
}

TEST_F(LeasesTest, KeepsABoundedNumberOfBuckets) {
    const RateLimit limit{1000, 1s};
    Leases leases;
    int without_room = 0;
    for (int i = 0; i < 200'000; ++i) {
        const std::string bucket = std::to_string(i);
        const auto plan = leases.take(bucket, limit, now_);
        without_room += plan.is_lease ? 0 : 1;
        leases.granted(bucket, limit, plan, 1, {}, now_);
    }
    EXPECT_EQ(200'000 - without_room, 16 * 4096);
    now_ += 1s;
    EXPECT_TRUE(leases.take("another", limit, now_).is_lease);
}

}  // namespace
}  // namespace pricewire::access
