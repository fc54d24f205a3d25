// Alerts with terms: what time decides, and prices that come late.
#include "alert/checker_core_fixture.hpp"

namespace pricewire::alert {
namespace {

class CheckerCoreTimeTest : public CheckerCoreTest {};

// Signs of life and the clock.

TEST_F(CheckerCoreTimeTest, AHoldEndsWhenEveryPriceBeforeHasCome) {
    EXPECT_EQ(follow(R"(
        -1 price 99
        0 rule 1 above 100 for 30s
        created 1
        10 price 101
        25 price 102
        39 heard
        45 end)"),
              "")
        << "who knows what came since 39";
    EXPECT_EQ(play("41 heard"), "1.1:102@40");
}

TEST_F(CheckerCoreTimeTest, AHoldThatALatePriceBrokeDoesNotEnd) {
    EXPECT_EQ(follow(R"(
        -1 price 99
        0 rule 1 above 100 for 30s
        created 1
        10 price 101
        39 heard
        45 end
        39.5 price 99
        44 price 101
        46 heard
        60 heard)"),
              "");
    EXPECT_EQ(play("74 heard"), "1.1:101@74");
}

TEST_F(CheckerCoreTimeTest, TheSlowestLiveFeedDecidesWhatIsCertain) {
    EXPECT_EQ(follow(R"(
        -1 price 99
        0 rule 1 above 100 for 30s
        created 1
        10 price 101
        38 heard a
        39 heard b
        41 heard a
        42 heard a)"),
              "");
    EXPECT_EQ(play("45 heard a"), "1.1:101@40") << "b is gone";
}

TEST_F(CheckerCoreTimeTest, WithoutAFeedAHoldPausesAndTimeGoesOnAfterTwoMinutes) {
    EXPECT_EQ(follow(R"(
        -1 price 99
        0 rule 1 above 100 for 30s expires 100
        created 1
        10 price 101
        20 heard
        139 end)"),
              "");
    EXPECT_EQ(play("221 end"), "1.expired@100");
}

TEST_F(CheckerCoreTimeTest, TimeInWhichNoFeedLivedDoesNotCountForAHold) {
    EXPECT_EQ(follow(R"(
        -1 price 99
        0 rule 1 above 100 for 1m
        created 1
        10 price 101
        20 heard
        60 price 101
        61 heard
        75 heard
        90 heard
        104 heard)"),
              "");
    EXPECT_EQ(play("110 heard"), "1.1:101@110") << "40 s blind";
}

TEST_F(CheckerCoreTimeTest, DoNotExpireBeforeEveryPriceBeforeThat) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 expires 60
        created 1
        rule 2 above 200 expires 60
        created 2
        30 heard
        61 end
        31 heard
        89 end
        59 price 101)"),
              "1.1:101@59");
    EXPECT_EQ(play("59 heard"), "");
    EXPECT_EQ(play("60 heard"), "2.expired@60");
    EXPECT_EQ(play_.core().active_alerts(), 0U);
}

TEST_F(CheckerCoreTimeTest, DoNotFireAtTheMomentOfTheirExpiry) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 expires 60
        created 1
        60 price 101
        61 heard)"),
              "1.expired@60");
}

// Late prices.

TEST_F(CheckerCoreTimeTest, ALatePriceArmsAndThePricesSinceJudge) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 repeat rearm 0 cooldown 10s
        created 1
        1 price 101
        14 price 101.5
        15 end
        3 price 98)"),
              "1.1:101@1 1.armed@3 1.2:101.5@14");
}

TEST_F(CheckerCoreTimeTest, ALatePriceFiresAndWhatHasFiredStaysFired) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 repeat rearm 0 cooldown 10s
        created 1
        10 price 99
        5 price 101
        20 price 102
        12 price 103
        21 price 99
        40 price 104)"),
              "1.1:101@5 1.armed@10 1.2:102@20 1.armed@21 1.3:104@40");
}

TEST_F(CheckerCoreTimeTest, ALatePriceWidensAHigh) {
    EXPECT_EQ(follow(R"(
        0 price 100
        rule 1 below high -3%
        created 1
        10 price 107
        20 price 106.8
        15 price 110
        21 price 106.69)"),
              "1.1:106.69@21");
}

TEST_F(CheckerCoreTimeTest, ALateEndOfAPricePausesAHold) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 for 30s
        created 1
        10 price 101
        30 price 101
        20 gone
        41 heard
        49 heard)"),
              "");
    EXPECT_EQ(play("50 heard"), "1.1:101@50");
}

}  // namespace
}  // namespace pricewire::alert
