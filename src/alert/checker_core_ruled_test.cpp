// Alerts with terms.
#include "alert/checker_core_fixture.hpp"

namespace pricewire::alert {
namespace {

class CheckerCoreRuledTest : public CheckerCoreTest {
protected:
    // A new checker, as after a kill.
    void kill() {
        play_.~CheckerPlay();
        new (&play_) CheckerPlay;
    }
};

TEST_F(CheckerCoreRuledTest, FireInGroupsWithWhatOneOfTheirPricesDid) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 repeat rearm 1% cooldown 10s
        created 1
        rule 2 below 90
        created 2
        created 3>101
        5 price 102
        20 price 98
        30 price 101
        40 price 89)"),
              "3@102 1.1:102@5 1.armed@20 1.2:101@30 2.1:89@40 1.armed@40");
    EXPECT_EQ(play_.core().active_alerts(), 1U) << "what fires once is no longer active";
}

TEST_F(CheckerCoreRuledTest, BeginWithThePriceInEffectOnceItIsCertain) {
    EXPECT_EQ(follow(R"(
        5 price 150
        6 rule 1 above 100
        created 1
        end)"),
              "");
    EXPECT_EQ(play("7 heard"), "1.1:150@6");
}

TEST_F(CheckerCoreRuledTest, BeginAMomentLaterWhereSignsOfLifeAreFresh) {
    EXPECT_EQ(follow(R"(
        5 price 150
        5.5 heard
        6 rule 1 above 100
        created 1
        end)"),
              "");
    EXPECT_EQ(play_.next_time(), play_.at("6.25"));
    EXPECT_EQ(play("6.25 end"), "1.1:150@6");
}

TEST_F(CheckerCoreRuledTest, ThatArriveLateAreJudgedByThePricesSinceTheyWereMade) {
    EXPECT_EQ(follow(R"(
        1 price 99
        2 price 101
        3 price 99
        9 rule 1 above 100 made 1.5
        created 1)"),
              "1.1:101@2");
}

TEST_F(CheckerCoreRuledTest, ThatAreMadeAfterALatePriceAreNotFiredByIt) {
    EXPECT_EQ(follow(R"(
        4 rule 1 above 100
        created 1
        2 price 150
        3 price 60
        5 heard)"),
              "");
    EXPECT_EQ(play("7 price 101"), "1.1:101@7");
}

TEST_F(CheckerCoreRuledTest, AreJudgedByPastPricesInTheOrderOfTimes) {
    EXPECT_EQ(follow(R"(
        1 price 99
        rule 1 above 100 for 10s
        created 1
        behind
        5 price 101
        12 price 101
        14 price 99
        20 price 101
        29 price 101
        31 price 99
        caught-up)"),
              "1.1:101@30");
}

// Alert changes.

TEST_F(CheckerCoreRuledTest, AnEditedRuleHasANewStartAndIsJudgedAtOnce) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 110
        created 1
        20 price 103
        30 rule 1 above 102 revision 2
        changed 1
        30.5 heard)"),
              "1.1:103@30");
}

TEST_F(CheckerCoreRuledTest, AnEditedPlainAlertIsForgottenAsOne) {
    EXPECT_EQ(follow(R"(
        0 price 99
        created 1>100
        rule 1 above 200 revision 2 made 3
        changed 1
        5 price 150
        6 price 201)"),
              "1.1:201@6");
}

TEST_F(CheckerCoreRuledTest, AnEditOfTextsChangesNothing) {
    EXPECT_EQ(follow(R"(
        -1 price 99
        0 rule 1 above 100 for 30s
        created 1
        10 price 101
        25 price 102
        30 changed 1
        41 heard)"),
              "1.1:102@40");
}

TEST_F(CheckerCoreRuledTest, ASnoozeKeepsTheStateAndItsEndIsJudged) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100
        created 1
        5 rule 1 above 100 made 0 snoozed 100
        changed 1
        10 price 101
        50 heard
        60 rule 1 above 100 made 0
        changed 1
        end)"),
              "");
    EXPECT_EQ(play("61 heard"), "1.1:101@60") << "the snooze was ended";
}

TEST_F(CheckerCoreRuledTest, OneSwitchedOnAfterItsLastFiringStaysThroughAChange) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 repeat rearm 1% times 1 firings 1
        created 1
        rule 1 above 100 repeat rearm 1% times 1 firings 1 expires 90 made 0
        changed 1
        10 price 101)"),
              "1.2:101@10");
}

TEST_F(CheckerCoreRuledTest, AnEditThatAsksForNoMoreFiringsEndsIt) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 repeat rearm 1% times 2 firings 1
        created 1
        rule 1 above 100 repeat rearm 1% times 1 firings 1 made 0
        changed 1
        10 price 101)"),
              "");
}

TEST_F(CheckerCoreRuledTest, AChangedExpiryCounts) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 expires 20
        created 1
        rule 2 above 100
        created 2
        10 heard
        rule 1 above 100 expires 40 made 0
        changed 1
        rule 2 above 100 expires 30 made 0
        changed 2
        31 heard
        41 heard)"),
              "2.expired@30 1.expired@40");
}

TEST_F(CheckerCoreRuledTest, AreDeletedWhereverTheyAre) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100
        created 1
        rule 2 above 100 starts 5
        created 2
        rule 3 ETH above low 1h +5%
        created 3
        deleted 1
        deleted 2
        deleted 3
        10 price 101
        past ETH
        11 price ETH=101
        12 heard)"),
              "past ETH from -4200");
    EXPECT_EQ(play_.core().active_alerts(), 0U);
}

TEST_F(CheckerCoreRuledTest, BeginAtTheTimeOfTheirStart) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 below high -3% starts 60
        created 1
        10 price 120
        50 price 100
        70 price 101
        80 price 97.9)"),
              "1.1:97.9@80");
}

// Snapshots, and rows that know of more.

TEST_F(CheckerCoreRuledTest, AReloadedSnapshotKeepsAStateThatIsFurther) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 repeat rearm 1% cooldown 10s
        created 1
        rule 2 above 500
        created 2
        5 price 101
        20 price 98
        missed
        snapshot 1
        40 price 102
        50 price 600)"),
              "1.1:101@5 1.armed@20 1.2:102@40")
        << "2 was deleted meanwhile";
}

TEST_F(CheckerCoreRuledTest, OneThatWasPausedMeanwhileHasANewStart) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 crosses_up 100
        created 1
        rule 2 above 100 repeat rearm 1% cooldown 10s
        created 2
        5 price 101
        6 heard
        missed
        rule 2 above 100 repeat rearm 1% cooldown 10s begun 6 firings 1
        8 snapshot 2
        9 heard)"),
              "1.armed@0 1.1:101@5 2.1:101@5 2.2:101@6");
}

TEST_F(CheckerCoreRuledTest, ARowThatKnowsOfMoreFiringsWins) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 repeat rearm 1% cooldown 10s
        created 1
        10 rule 1 above 100 repeat rearm 1% cooldown 10s made 0 firings 1 unarmed 5 muted 15
        changed 1
        12 price 98
        13 price 101
        16 heard)"),
              "1.armed@12 1.2:101@15");
}

TEST_F(CheckerCoreRuledTest, ARowThatIsArmedWhereTheStateIsNotWins) {
    EXPECT_EQ(play(R"(
        rule 1 above 100 repeat rearm 1% cooldown 10s made 0 firings 1 unarmed 5 muted 15
        20 snapshot 1
        past BTC
        end
        21 price 100.5
        rule 1 above 100 repeat rearm 1% cooldown 10s made 0 firings 1 armed 20 muted 15
        changed 1)"),
              "past BTC from 5 1.2:100.5@21");
}

TEST_F(CheckerCoreRuledTest, ARowWithAnExtremeOfALaterTimeWins) {
    const char* const gap = R"(
        rule 1 below high -3% made 0 armed 0 extreme 100 60
        205 snapshot 1
        past BTC 60-120:100-100:100
        end
        210 price 106
        240 price 107)";
    EXPECT_EQ(play(gap), "past BTC from 60");
    EXPECT_EQ(play(R"(
        rule 1 below high -3% made 0 armed 0 extreme 112 205
        changed 1
        past BTC)"),
              "past BTC from 205 1.1:106@210")
        << "a high of the gap has been recovered: the prices since are judged by it";
    kill();
    EXPECT_EQ(play(gap), "past BTC from 60");
    EXPECT_EQ(play(R"(
        rule 1 below high -3% made 0 armed 0 extreme 108 205
        changed 1
        past BTC
        250 price 104.7)"),
              "past BTC from 205 1.1:104.7@250");
}

TEST_F(CheckerCoreRuledTest, AFiringThatWasPassedOverTakesTheStateOfTheRow) {
    EXPECT_EQ(follow(R"(
        30 rule 1 above 100 repeat rearm 1% cooldown 10s made 0
        created 1
        40 price 101
        rule 1 above 100 repeat rearm 1% cooldown 10s made 0 firings 1 unarmed 5 muted 15
        row 1 1
        50 price 100.5
        60 price 98
        70 price 101)"),
              "1.1:101@40 past BTC from 5");
    EXPECT_EQ(play("past BTC"), "1.armed@60 1.2:101@70");
}

TEST_F(CheckerCoreRuledTest, OneThatWasFollowedByAnotherWaitsForThatOnesFate) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 repeat rearm 1% cooldown 10s
        created 1
        5 price 101
        20 price 98
        30 price 101
        rule 1 above 100 repeat rearm 1% cooldown 10s made 0 firings 1 unarmed 4 muted 14
        row 1 1
        31 price 97
        50 price 102)"),
              "1.1:101@5 1.armed@20 1.2:101@30 1.armed@31 1.3:102@50");
}

TEST_F(CheckerCoreRuledTest, OneOfARuleThatWasEditedMeanwhileChangesNothing) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100
        created 1
        5 price 101
        4.9 rule 1 above 100.5 repeat rearm 0 cooldown 10s begun 4.9 revision 2
        5 changed 1
        6 price 99
        row 1 1
        7 price 101)"),
              "1.1:101@5 1.1:101@5 1.armed@6");
}

TEST_F(CheckerCoreRuledTest, OneThatWasPassedOverSinceItsAlertIsNotActiveEndsIt) {
    EXPECT_EQ(follow(R"(
        0 price 99
        rule 1 above 100 repeat rearm 1% cooldown 10s
        created 1
        5 price 101
        no-row 1 1
        20 price 98
        30 price 101)"),
              "1.1:101@5");
    EXPECT_EQ(play_.core().active_alerts(), 0U);
}

// After a kill.

TEST_F(CheckerCoreRuledTest, ThatAnAlertWasArmedAgainIsInItsRow) {
    EXPECT_EQ(play(R"(
        rule 1 above 100 repeat rearm 1% cooldown 10s firings 1 armed 20 muted 15
        30 snapshot 1
        19 price 101
        20 price 98.9
        40 price 100.2
        end)"),
              "1.2:100.2@40")
        << "the prices that come once more are from before";
}

TEST_F(CheckerCoreRuledTest, OneThatWasNotAsksTheBarsSinceItsFiring) {
    EXPECT_EQ(play(R"(
        rule 1 above 100 repeat rearm 1% cooldown 10s firings 1 unarmed 5 muted 15
        130 snapshot 1
        end
        140 price 100.2
        past BTC 0-60:98-101:101 60-120:99.5-101:101)"),
              "past BTC from 5");
    kill();
    EXPECT_EQ(play(R"(
        rule 1 above 100 repeat rearm 1% cooldown 10s firings 1 unarmed 5 muted 15
        130 snapshot 1
        end
        140 price 100.2
        past BTC 0-60:98-101:101 60-120:98.9-101:101)"),
              "past BTC from 5 1.armed@120 1.2:100.2@140");
}

TEST_F(CheckerCoreRuledTest, AHighSinceTheStartComesBackFromBars) {
    EXPECT_EQ(play(R"(
        rule 1 below high -3% armed 0
        205 snapshot 1
        end
        past BTC 0-60:100-100:100 60-120:100-110:110 120-200:110-110:110
        210 price 106.6)"),
              "past BTC from 0 1.1:106.6@210");
}

TEST_F(CheckerCoreRuledTest, WhatAHighOrAHoldNeedsToComeBackIsNoted) {
    EXPECT_EQ(follow(R"(
        notes
        30 price 100
        rule 1 below high -3%
        created 1
        rule 2 above 90 for 5m
        created 2
        rule 3 above 200
        created 3
        31 heard
        40 price 101
        59 heard
        61 heard)"),
              "1.noted 2.noted 1.noted")
        << "the price at which they have begun, and a high as of the first full minute";
}

TEST_F(CheckerCoreRuledTest, AHoldBeginsAtTheLastMinuteThatTouchesTheLevelAndBlindTimeDoesNotCount) {
    EXPECT_EQ(play(R"(
        rule 1 above 100 for 5m armed 0
        215 snapshot 1
        end
        past BTC 0-60:99-101:101 60-120:101-101:101 120-200:101-101:101
        220 price 101
        379 heard)"),
              "past BTC from 0");
    EXPECT_EQ(play("380 heard"), "1.1:101@380");
}

// The past.

TEST_F(CheckerCoreRuledTest, AWindowIsReadOnceForAllThatWaitForIt) {
    EXPECT_EQ(follow(R"(
        3500 price 105
        3600 rule 1 above low 1h +5%
        created 1
        rule 2 above low 30m +5%
        created 2
        rule 3 above 104.5
        created 3
        3601 heard
        past BTC 0-60:100-100:100 60-1860:103-104:104 1860-3500:104-105:105
        3602 price 105.01)"),
              "past BTC from -600 3.1:105@3600 1.1:105.01@3602")
        << "3 has not waited";
}

TEST_F(CheckerCoreRuledTest, NothingIsReportedDoneWhileOneWaitsForItsPast) {
    EXPECT_EQ(follow(R"(
        0 rule 1 above low 1h +5%
        created 1
        after x
        end
        past BTC)"),
              "past BTC from -4200 x");
}

TEST_F(CheckerCoreRuledTest, AllOfTwoTickersWaitsForBothPasts) {
    EXPECT_EQ(follow(R"(
        0 rule 1 BTC above low 5m +5% & ETH below high 5m -5%
        created 1
        past BTC -60-0:96-100:100
        2 price ETH=49
        3 price 101
        past ETH -60-0:50-55:50)"),
              "past BTC from -900 past ETH from -900 1.1:101@3");
}

}  // namespace
}  // namespace pricewire::alert
