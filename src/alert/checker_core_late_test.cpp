// Prices that come late.
#include "alert/checker_core_fixture.hpp"

namespace pricewire::alert {
namespace {

class CheckerCoreLateTest : public CheckerCoreTest {};

TEST_F(CheckerCoreLateTest, APriceThatCameLateAndWasOverDoesNotFireAnAlertMadeAfterIt) {
    EXPECT_EQ(follow(R"(
        4 created 1>100
        2 price 150
        3 price 60)"),
              "");
    EXPECT_EQ(play("pause"), "");
    EXPECT_EQ(play("7 price 101"), "1@101");
}

TEST_F(CheckerCoreLateTest, NorDoesItFireAnAlertThatBecomesKnownAfterIt) {
    EXPECT_EQ(follow(R"(
        4 created 1>200
        2 price 150
        4 created 2>100
        3 price 60
        pause
        7 price 101)"),
              "2@101");
}

TEST_F(CheckerCoreLateTest, APriceThatCameLateFiresAtOnceWhatIsOlder) {
    EXPECT_EQ(follow(R"(
        1 created 1>100
        4 created 2>100
        2 price 150
        created 3>100@1)"),
              "1@150 3@150");
}

TEST_F(CheckerCoreLateTest, APriceThatCameLateAndIsStillInEffectFiresAfterAMoment) {
    EXPECT_EQ(follow(R"(
        4 created 1>100
        2 price 150
        4 created 2>100
        after x)"),
              "");
    EXPECT_TRUE(play_.next_time());
    EXPECT_EQ(play("pause"), "1,2@150 x") << "nothing is reported done before";
    EXPECT_FALSE(play_.next_time());
}

TEST_F(CheckerCoreLateTest, OfSeveralLatePricesEachFiresTheAlertsOfItsTime) {
    EXPECT_EQ(follow(R"(
        9 created 1>100@2
        9 created 2>100@4
        9 created 3>100@6
        1 price 150
        3 price 60
        5 price 170
        7 gone)"),
              "1@150 2@170 3@170");
}

TEST_F(CheckerCoreLateTest, AlertsInDoubtAreDeletedReloadedAndReplayedLikeOthers) {
    EXPECT_EQ(follow(R"(
        4 created 1>100
        4 created 2>100
        4 created 3>100
        2 price 150
        created 2
        deleted 1
        missed
        snapshot 2 3
        deleted 3
        behind
        3 price 60
        caught-up
        pause
        9 price 101)"),
              "2@101");
}

TEST_F(CheckerCoreLateTest, WhatTakesBackThatAnAlertWasArmedCountsUntilItsRowComes) {
    EXPECT_EQ(follow(R"(
        0 price 100
        1 rule 1 above low 1h +5% repeat rearm 10% cooldown 10s
        1 created 1
        past BTC
        10 price 105.5
        20 price 99)"),
              "past BTC from -4199 1.1:105.5@10 1.armed@20");
    EXPECT_EQ(play(R"(
        15 price 100
        30 price 110)"),
              "")
        << "the level was 105 at 20";
    EXPECT_EQ(play(R"(
        1 rule 1 above low 1h +5% repeat rearm 10% cooldown 10s firings 1 begun 10 armed 20 muted 20
        30 changed 1
        past BTC)"),
              "past BTC from -4170 1.2:110@30");
}

}  // namespace
}  // namespace pricewire::alert
