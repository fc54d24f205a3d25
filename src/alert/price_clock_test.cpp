#include "alert/price_clock.hpp"

#include <gtest/gtest.h>

namespace pricewire::alert {
namespace {

using namespace std::chrono_literals;

class PriceClockTest : public testing::Test {
protected:
    static Timestamp at(double second) {
        return Timestamp{std::chrono::seconds{1'700'000'000}} +
               std::chrono::round<Duration>(std::chrono::duration<double>(second));
    }
    PriceClock clock_;
};

TEST_F(PriceClockTest, PastPricesAreCompleteUntilTheLastSignOfLife) {
    EXPECT_EQ(clock_.until(at(1)), std::nullopt);
    clock_.on_heard("a", at(5));
    EXPECT_EQ(clock_.until(at(5)), at(5));
    EXPECT_EQ(clock_.until(at(1000)), at(5)) << "the clock does not count";
}

TEST_F(PriceClockTest, WhereSignsOfLifeAreFreshNoneIsWaitedFor) {
    clock_.on_heard("a", at(5));
    clock_.follow(at(5));
    EXPECT_EQ(clock_.until(at(6)), at(5.75));
    EXPECT_EQ(clock_.certain(at(6)), at(5));
    EXPECT_EQ(clock_.until_reaches(at(6), at(6)), at(6.25));
    EXPECT_EQ(clock_.until(at(6.6)), at(5)) << "one is missing";
    EXPECT_EQ(clock_.until_reaches(at(6.5), at(6)), at(126.5)) << "unless another comes";
}

TEST_F(PriceClockTest, APriceThatComesLateMakesItWaitForSignsOfLife) {
    clock_.on_heard("a", at(5));
    clock_.follow(at(5));
    clock_.on_price({"BTC", {}, at(5), 1}, at(5.5));
    EXPECT_EQ(clock_.until(at(6)), at(5));
    clock_.on_heard("a", at(6.5));
    EXPECT_EQ(clock_.until(at(7)), at(6.75)) << "a moment later";
}

TEST_F(PriceClockTest, TheSlowestFeedCountsUntilItIsDead) {
    clock_.follow(at(0));
    clock_.on_heard("a", at(5));
    clock_.on_heard("b", at(7));
    EXPECT_EQ(clock_.certain(at(7)), at(5));
    clock_.on_heard("b", at(12));
    EXPECT_EQ(clock_.certain(at(12)), at(12));
    clock_.on_heard("a", at(6));
    EXPECT_EQ(clock_.certain(at(12)), at(12)) << "it comes back with what is past";
}

TEST_F(PriceClockTest, WithoutAnyFeedTimeIsBounded) {
    clock_.follow(at(0));
    EXPECT_EQ(clock_.certain(at(119)), std::nullopt);
    EXPECT_EQ(clock_.certain(at(120)), at(0));
    EXPECT_EQ(clock_.certain_reaches(at(10)), at(130));
    clock_.on_heard("a", at(200));
    EXPECT_EQ(clock_.certain(at(319)), at(200));
    EXPECT_EQ(clock_.certain(at(330)), at(210));
    EXPECT_EQ(clock_.certain_reaches(at(100)), at(320));
}

TEST_F(PriceClockTest, AGapBetweenSignsOfLifeIsBlindOnce) {
    clock_.follow(at(0));
    clock_.on_heard("a", at(5));
    clock_.on_heard("a", at(20));
    EXPECT_EQ(clock_.take_blind(at(20)), std::nullopt) << "too short";
    clock_.on_heard("a", at(36));
    EXPECT_EQ(clock_.take_blind(at(36)), at(20));
    EXPECT_EQ(clock_.take_blind(at(36)), std::nullopt);
}

TEST_F(PriceClockTest, ASilenceThatTimeMovesOverIsBlindOnce) {
    clock_.follow(at(0));
    clock_.on_heard("a", at(5));
    EXPECT_EQ(clock_.take_blind(at(124)), std::nullopt);
    EXPECT_EQ(clock_.take_blind(at(125)), at(5));
    clock_.on_heard("a", at(200));
    EXPECT_EQ(clock_.take_blind(at(200)), std::nullopt) << "it was taken";
}

TEST_F(PriceClockTest, AClockThatWasSetBackStartsAgain) {
    clock_.follow(at(0));
    clock_.on_heard("a", at(5000));
    EXPECT_EQ(clock_.certain(at(1000)), at(1000)) << "never later than now";
    clock_.on_heard("a", at(1000));
    EXPECT_EQ(clock_.certain(at(1000)), at(1000));
    EXPECT_EQ(clock_.take_blind(at(1000)), std::nullopt);
}

}  // namespace
}  // namespace pricewire::alert
