// What the in-process implementations guarantee beyond the conformance suites: their bounds.
#include <gtest/gtest.h>

#include <string>

#include "access/in_process/in_process_auth_cache.hpp"
#include "access/in_process/in_process_rate_limits.hpp"

namespace pricewire::access {
namespace {

using namespace std::chrono_literals;

User user_number(int i) {
    User u;
    u.id = make_uuid(system_clock().now());
    u.email = "user" + std::to_string(i) + "@example.com";
    return u;
}

TEST(InProcessAuthCache, StaysWithinItsBoundAndEvictsTheLeastRecentlyUsed) {
    const ManualClock clock;
    const auto cache = create_in_process_auth_cache(clock, {160, 1h});
    const Sha256 favourite = sha256("favourite");
    cache->put(favourite, user_number(0), cache->generation());
    for (int i = 0; i < 5000; ++i) {
        cache->put(sha256(std::to_string(i)), user_number(i), cache->generation());
        ASSERT_TRUE(cache->get(favourite)) << "lost after " << i;
    }
    int kept = 0;
    for (int i = 0; i < 5000; ++i) kept += cache->get(sha256(std::to_string(i))) ? 1 : 0;
    EXPECT_LE(kept, 160);
    EXPECT_GE(kept, 100);
}

TEST(InProcessRateLimits, DropsTheOldestBucketWhenAllAreInUse) {
    const auto limits = create_in_process_rate_limits(160);
    const RateLimit limit{2, 10s};
    const MonoTime now = MonoTime{} + 1h;
    for (int i = 0; i < 5000; ++i) limits->take(std::to_string(i), limit, now);
    int remembered = 0;
    for (int i = 4999; i >= 0; --i) {
        if (limits->take(std::to_string(i), limit, now).remaining == 0) ++remembered;
    }
    EXPECT_LE(remembered, 160);
    EXPECT_GE(remembered, 100);
}

TEST(InProcessRateLimits, DropsIdleBucketsBeforeOnesInUse) {
    // Two buckets per shard: if idle ones were not dropped first, the new ones would push out "slow".
    const auto limits = create_in_process_rate_limits(32);
    const RateLimit slow{1, 24h};
    const RateLimit quick{1, 1s};
    MonoTime now = MonoTime{} + 1h;
    ASSERT_TRUE(limits->take("slow", slow, now).allowed);
    for (int i = 0; i < 1000; ++i) {
        now += 2s;
        ASSERT_FALSE(limits->take("slow", slow, now).allowed) << "dropped after " << i;
        limits->take("quick" + std::to_string(i), quick, now);
    }
}

}  // namespace
}  // namespace pricewire::access
