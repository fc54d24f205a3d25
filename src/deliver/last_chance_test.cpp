#include "deliver/last_chance.hpp"

#include <gtest/gtest.h>

namespace pricewire::deliver {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class LastChanceTest : public testing::Test {
protected:
    LastChanceTest() { claim_.deadline = now_ + minutes{10}; }

    Duration until(Duration wanted) const { return deferred_until(claim_, 4, now_ + wanted, now_) - now_; }

    const Timestamp now_ = ManualClock().now();
    ClaimedDelivery claim_;
};

TEST_F(LastChanceTest, ADeferredDeliveryComesBackInTimeForIt) {
    EXPECT_EQ(until(seconds{30}), seconds{30});
    EXPECT_EQ(until(hours{1}), minutes{10} - last_chance);
    EXPECT_FALSE(has_last_chance(claim_, 4, now_));
    EXPECT_FALSE(has_last_chance(claim_, 4, claim_.deadline - last_chance - seconds{1}));
    EXPECT_TRUE(has_last_chance(claim_, 4, claim_.deadline - last_chance));
}

TEST_F(LastChanceTest, OneThatFindsNoRoomComesBackUntilItsDeadline) {
    claim_.deadline = now_ + seconds{12};
    EXPECT_EQ(until(hours{1}), last_chance_again);
    claim_.deadline = now_ + seconds{3};
    EXPECT_EQ(until(hours{1}), seconds{3}) << "to expire";
    claim_.deadline = now_ - seconds{1};
    EXPECT_EQ(until(hours{1}), seconds{1});
}

TEST_F(LastChanceTest, IsForDeliveriesWithoutAnAttempt) {
    claim_.round = 2;
    EXPECT_EQ(until(hours{1}), minutes{10});
    EXPECT_FALSE(has_last_chance(claim_, 4, claim_.deadline));
    claim_.round = 1'000'001;  // its user has asked for it again
    EXPECT_EQ(until(hours{1}), minutes{10} - last_chance);
}

}  // namespace
}  // namespace pricewire::deliver
