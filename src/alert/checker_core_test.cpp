#include "alert/checker_core_fixture.hpp"

namespace pricewire::alert {
namespace {

using namespace std::chrono_literals;

TEST_F(CheckerCoreTest, APriceFiresWhatItCrossesInOneGroup) {
    EXPECT_EQ(play(R"(
        snapshot 1>100@0 2>101@0 3>200@0
        end
        1 price 99
        2 price 150)"),
              "1,2@150");
    EXPECT_EQ(play_.core().active_alerts(), 1U);
}

TEST_F(CheckerCoreTest, ANewAlertIsComparedWithThePresentPriceAtOnce) {
    EXPECT_EQ(follow(R"(
        1 price 150
        2 created 1>100
        2 created 2>150)"),
              "1@150");
}

TEST_F(CheckerCoreTest, WithoutAPriceANewAlertWaitsForTheNext) {
    EXPECT_EQ(follow(R"(
        1 price 150
        2 gone
        3 created 1>100
        4 price 90
        5 price 101)"),
              "1@101");
}

TEST_F(CheckerCoreTest, HandlesMessagesInTheOrderTheyCame) {
    EXPECT_EQ(follow(R"(
        0 created 1>100
        deleted 1
        1 price 150
        2 price 90
        3 created 2>100
        4 price 101
        deleted 2
        5 price 90
        6 created 3>100
        7 price 102
        8 price 103)"),
              "2@101 3@102");
}

// Snapshots.

TEST_F(CheckerCoreTest, ASnapshotIsDueAtOnceAndWithBackOffAfterFailures) {
    EXPECT_EQ(play_.core().load_at(), MonoTime::min());
    const auto failed_at = [&] {
        play("failed");
        return *play_.core().load_at() - MonoTime{1h};
    };
    const auto first = failed_at(), second = failed_at(), third = failed_at(), fourth = failed_at();
    EXPECT_TRUE(first >= 500ms && first <= 1s) << first;
    EXPECT_TRUE(second >= 1s && second <= 2s) << second;
    EXPECT_TRUE(third >= 2s && third <= 4s) << third;
    EXPECT_TRUE(fourth >= 2s && fourth <= 4s) << fourth;
    EXPECT_EQ(play_.core().phase(), CheckerCore::Phase::loading);
    play("snapshot");
    EXPECT_EQ(play_.core().load_at(), std::nullopt);
    EXPECT_EQ(play_.core().phase(), CheckerCore::Phase::replaying);
}

TEST_F(CheckerCoreTest, APartOfASnapshotThatFailedIsDropped) {
    EXPECT_EQ(play(R"(
        piece 1>100@0
        failed
        snapshot 1 2>100@0
        1 price 150
        end)"),
              "1,2@150");
}

TEST_F(CheckerCoreTest, AfterMissedChangesTheSnapshotReplacesWhatWasKnown) {
    EXPECT_EQ(play(R"(
        snapshot 1>1000@0 2>1000@0
        end
        1 price 50
        3 price 150
        4 price 60
        missed
        snapshot 1 3>100@2 4>100@5
        6 price 2000)"),
              "3@150 4,1@2000")
        << "3 is judged by the prices since it was made, 2 was deleted meanwhile";
}

TEST_F(CheckerCoreTest, WhileTheSnapshotCannotBeReloadedTheKnownAlertsAreChecked) {
    EXPECT_EQ(play(R"(
        snapshot 1>100@0
        end
        missed
        piece 2>100@0
        failed
        1 price 150)"),
              "1@150");
    EXPECT_TRUE(play_.core().load_at());
}

TEST_F(CheckerCoreTest, ASnapshotReloadedWhileReplayingAddsItsNewAlertsAtTheEnd) {
    EXPECT_EQ(play(R"(
        snapshot 1>100@0
        end
        behind
        3 price 150
        missed
        snapshot 1 2>100@2 3>100@5
        4 price 60
        caught-up
        6 price 101)"),
              "1@150 2@150 3@101");
}

// Prices that waited for the snapshot: the first batch.

TEST_F(CheckerCoreTest, PricesThatWaitedFireTheAlertsOfTheirTimeAlone) {
    EXPECT_EQ(play(R"(
        snapshot 1>100@1 2>100@4
        2 price 200
        3 price 50
        created 2
        5 price 60
        6 price 101
        7 price 70
        end)"),
              "1@200 2@101");
}

TEST_F(CheckerCoreTest, AnAlertOfTheFirstBatchIsComparedWithThePriceWhenItWasCreated) {
    EXPECT_EQ(play(R"(
        snapshot 1>100@2
        1 price 200
        created 1
        3 price 50
        end)"),
              "1@200");
}

TEST_F(CheckerCoreTest, DeletedAlertsDoNotFireHoweverTheyWereKnown) {
    EXPECT_EQ(play(R"(
        snapshot 1>100@1 3>100@1
        2 price 50
        created 1
        created 2>100@1
        deleted 2
        deleted 1
        deleted 3
        3 price 101
        4 price 50
        end)"),
              "");
}

TEST_F(CheckerCoreTest, InTheFirstBatchCaughtUpDoesNotEndTheReplay) {
    EXPECT_EQ(play(R"(
        snapshot 1>100@5
        behind
        1 price 50
        caught-up
        2 price 150
        3 price 60
        end)"),
              "")
        << "150 was no longer in effect when 1 was made";
    EXPECT_EQ(play_.core().phase(), CheckerCore::Phase::following);
}

// Prices that arrive before, or long after, the alerts that they concern.

TEST_F(CheckerCoreTest, ALateAlertIsJudgedByThePricesSinceItWasMade) {
    EXPECT_EQ(follow(R"(
        1 price 50
        3 price 150
        4 price 160
        5 price 60
        2 created 1>100)"),
              "1@150");
}

TEST_F(CheckerCoreTest, ALateAlertIsJudgedByThePriceInEffectWhenItWasMade) {
    EXPECT_EQ(follow(R"(
        1 price 150
        3 price 60
        2 created 1>100)"),
              "1@150");
}

TEST_F(CheckerCoreTest, APriceNoLongerInEffectWhenAnAlertWasMadeDoesNotFireIt) {
    EXPECT_EQ(follow(R"(
        1 price 150
        2 price 60
        3 created 1>100
        4 price 70)"),
              "");
    EXPECT_EQ(play_.core().active_alerts(), 1U);
}

TEST_F(CheckerCoreTest, APastPriceDoesNotFireAlertsMadeAfterIt) {
    EXPECT_EQ(follow(R"(
        1 created 1>100
        4 created 2>100
        behind
        2 price 150
        5 created 3>100
        3 price 60
        caught-up
        6 price 101)"),
              "1@150 2,3@101");
}

TEST_F(CheckerCoreTest, APastPriceFiresAnAlertMadeWhileItWasInEffect) {
    EXPECT_EQ(follow(R"(
        2 created 1>100
        behind
        1 price 150
        3 price 60
        caught-up)"),
              "1@150");
}

TEST_F(CheckerCoreTest, APastPriceThatIsGoneDoesNotFireAlertsMadeAfterThat) {
    EXPECT_EQ(follow(R"(
        3 created 1>100
        behind
        1 price 150
        2 gone
        caught-up)"),
              "");
    EXPECT_EQ(play_.core().active_alerts(), 1U);
}

TEST_F(CheckerCoreTest, ALatePriceOfAnotherFeedDoesNotFireAlertsMadeAfterIt) {
    EXPECT_EQ(follow(R"(
        1 created 1<99
        3 price 100
        4 created 2<99
        2 price 98
        5 created 3<99
        6 price 97)"),
              "1@98 2,3@97");
}

TEST_F(CheckerCoreTest, TheLastPastPriceIsThePresentOne) {
    EXPECT_EQ(follow(R"(
        2 created 1>100
        behind
        1 price 150
        caught-up
        pause)"),
              "1@150");
}

TEST_F(CheckerCoreTest, AnAlertSleepsUntilThePastPricesReachItsTime) {
    EXPECT_EQ(follow(R"(
        3 created 1>100
        4 created 2>100
        behind
        1 price 150
        2 price 160
        2 price 60
        5 price 170
        deleted 2
        6 price 70
        caught-up)"),
              "1@170");
}

// What waits to be reported as done.

TEST_F(CheckerCoreTest, NothingIsReportedDoneBeforeThePastPricesAreMatched) {
    EXPECT_EQ(follow(R"(
        0 created 1>100
        after x
        behind
        1 price 150
        after y
        end
        caught-up
        after z)"),
              "x 1@150 y z");
}

TEST_F(CheckerCoreTest, WhileChangesAreUnheardNothingIsReportedDone) {
    EXPECT_EQ(play(R"(
        snapshot 1>1000@0
        end
        unheard
        1 price 50
        after x
        2 price 150
        after y
        4 price 160
        5 price 60
        after z
        missed)"),
              "");
    EXPECT_EQ(play("snapshot 1 2>155@3"), "2@160 z") << "of several that wait only the last is called";
}

// Many of what waits for the end of a replay may go before it: a checker that takes over much, and lets go of it.
TEST_F(CheckerCoreTest, WhatWaitsForTheEndOfAReplayMayGoAndCome) {
    follow("1 price 50\nbehind");
    std::string many, gone;
    for (int i = 1; i <= 200; ++i) {
        many += "2 created " + std::to_string(i) + ">100\n";
        if (i != 7 && i != 9) gone += "deleted " + std::to_string(i) + "\n";
    }
    EXPECT_EQ(play(many + gone + "2 created 7\n2 created 8\n3 price 150\ncaught-up\nend"), "7,9,8@150");
    EXPECT_EQ(play_.core().active_alerts(), 0U);
}

}  // namespace
}  // namespace pricewire::alert
