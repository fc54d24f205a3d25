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

// A connection to the bus that hangs.

TEST_F(CheckerCoreLateTest, ANewAlertWaitsForASignOfLifeThatIsYounger) {
    EXPECT_EQ(follow(R"(
        1 heard
        1 price 150
        1.2 created 1>100
        after x
        1.1 heard)"),
              "");
    EXPECT_EQ(play("2 heard"), "1@150 x") << "nothing is reported done before";
    EXPECT_EQ(play("3 heard\n2.5 created 2>100"), "2@150");
}

TEST_F(CheckerCoreLateTest, APriceThatWasOverDoesNotFireAnAlertMadeWhileNoneCame) {
    EXPECT_EQ(follow(R"(
        1 heard
        1 price 150
        3 created 1>100
        2.5 price 60
        3.5 heard)"),
              "");
    EXPECT_EQ(play("4 price 101"), "1@101");
}

TEST_F(CheckerCoreLateTest, ThePriceThatFollowsTellsThatItWasInEffect) {
    EXPECT_EQ(follow(R"(
        1 heard
        1 price 150
        3 created 1>100
        3 created 2>200
        4 price 90)"),
              "1@150");
    EXPECT_EQ(play("4.1 price 201"), "2@201");
}

TEST_F(CheckerCoreLateTest, WhatIsReportedDoneDoesNotWaitForYoungerAlerts) {
    EXPECT_EQ(follow(R"(
        1 heard
        1 price 150
        2 created 1>100
        after x
        3 created 2>100
        after y
        after z
        2.5 heard)"),
              "1@150 x");
    EXPECT_EQ(play("4 heard"), "2@150 z");
}

TEST_F(CheckerCoreLateTest, APriceOrSignOfTheSameMillisecondTells) {
    EXPECT_EQ(follow(R"(
        1 heard
        2 price 150
        2 created 1>100
        3 created 2>100)"),
              "1@150");
    EXPECT_EQ(play("3 heard"), "2@150");
}

TEST_F(CheckerCoreLateTest, EveryFeedThatLivesTells) {
    EXPECT_EQ(follow(R"(
        1 heard a
        1 heard b
        1 price 150
        1.5 created 1>100
        2 heard b)"),
              "");
    EXPECT_EQ(play("2 heard a"), "1@150");
    EXPECT_EQ(play(R"(
        2.5 created 2>100
        6 heard b
        7 heard b)"),
              "");
    EXPECT_EQ(play("7.5 heard b"), "2@150") << "the other has died";
}

TEST_F(CheckerCoreLateTest, AFeedOfTheSameProcessIsNotWaitedFor) {
    EXPECT_EQ(follow(R"(
        1 heard own
        1 price 150
        1.2 created 1>100)"),
              "1@150");
}

TEST_F(CheckerCoreLateTest, AFeedWhoseClockIsSlowDelaysForThreeSeconds) {
    EXPECT_EQ(follow(R"(
        60 created 1>100
        1 heard
        1 price 150
        pause
        3 heard)"),
              "");
    EXPECT_EQ(play("6 heard"), "1@150");
}

TEST_F(CheckerCoreLateTest, WithoutAnySignOfLifeTheLastPriceCountsAfterTwoMinutes) {
    EXPECT_EQ(follow(R"(
        1 heard
        1 price 150
        3 created 1>100)"),
              "");
    EXPECT_TRUE(play_.next_time());
    EXPECT_EQ(play("118 created 2>200\npause"), "");
    EXPECT_EQ(play("pause"), "1@150");
}

TEST_F(CheckerCoreLateTest, AlertsThatWaitForASignAreDeletedReloadedAndReplayedLikeOthers) {
    EXPECT_EQ(follow(R"(
        1 heard
        1 price 150
        2 created 1>100
        2 created 2>100
        2 created 3>100
        2 created 4>100
        created 2
        deleted 1
        missed
        snapshot 2 3 4
        deleted 3
        behind
        1.5 price 60
        3 heard
        caught-up
        pause
        9 price 101)"),
              "2,4@101");
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

// That is a new start without a price: the next one is its high, whatever it is, and arms it. Here the minute has ended at
// which its high is looked at.
TEST_F(CheckerCoreLateTest, ARatioThatFiredAndTurnsOutToHaveBeenGoneBeginsAnewWithTheNextOne) {
    EXPECT_EQ(follow(R"(
        41 rule 1 ETH ratio BTC below high -3% repeat rearm 0 cooldown 10s
        41 created 1
        42 price 100
        42 price ETH=50
        50 price ETH=48
        45 gone
        51 price ETH=49
        52 price ETH=49
        103 price ETH=49
        104 price ETH=49
        106 price ETH=49
        110 price 100
        111 price ETH=47)"),
              "1.1:0.48@50 1.armed@110 1.2:0.47@111");
}

TEST_F(CheckerCoreLateTest, APriceThatFiredAndTurnsOutToHaveBeenGoneBeginsAnewWithTheNextOne) {
    EXPECT_EQ(follow(R"(
        41 rule 1 below high -3% repeat rearm 0 cooldown 10s
        41 rule 2 leaves high 1m -3% high 1m +3% repeat rearm 0 cooldown 10s
        41 created 1
        42 price 100
        43 created 2
        past BTC
        44 price 100
        50 price 96
        53 gone
        50 gone
        54 gone
        56 price 98
        62 price 94)"),
              "past BTC from -617 2.armed@42 1.1:96@50 2.1:96@50 1.armed@56 2.armed@56 1.2:94@62 2.2:94@62");
}

// At its level it is on no side: the first price off it tells from which it crosses next.
TEST_F(CheckerCoreLateTest, ACrossingThatFiredAndTurnsOutToHaveBeenAtItsLevelCrossesAgain) {
    EXPECT_EQ(follow(R"(
        0 rule 1 crosses 100 for 10s repeat rearm 0 cooldown 10s
        0 created 1
        1 price 101
        5 price 99
        20 price 98
        12 price 100
        30 price 105
        41 price 105)"),
              "1.armed@1 1.1:99@15 1.armed@20 1.2:105@40");
}

}  // namespace
}  // namespace pricewire::alert
