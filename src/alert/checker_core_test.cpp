#include "alert/checker_core.hpp"

#include <gtest/gtest.h>

#include <charconv>
#include <sstream>
#include <stdexcept>
#include <string>

namespace pricewire::alert {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp start{std::chrono::seconds{1'700'000'000}};

// Plays a script of events, one a line, and returns what was fired and called, in order: "1,2@150" for alerts
// 1 and 2 at price 150, "x" for what waited as `after x`.
//
//   snapshot A…     a whole snapshot           piece A…, failed   a part of one, and its failure
//   S price P       the price from second S    S gone             no price from second S
//   S created A     made in second S           deleted N
//   behind, caught-up, unheard, missed, after X, end (of a batch), pause (of two seconds)
//
// The time is the latest second that was named: a price from an earlier second comes late.
//
// A is an alert: "7>100" is number 7 above 100, "7<100" below; "7>100@3" was made in second 3 if the line
// does not say it. Once it is known, "7" is enough.
class CheckerPlay {
public:
    std::string play(const std::string& script) {
        std::istringstream lines(script);
        for (std::string line; std::getline(lines, line);) play_line(line);
        return std::exchange(out_, {});
    }
    CheckerCore& core() { return core_; }

private:
    static constexpr MonoTime mono{1h};

    void play_line(const std::string& line) {
        std::istringstream words(line);
        std::string word;
        if (!(words >> word)) return;
        if (std::isdigit(static_cast<unsigned char>(word[0])) != 0) {
            second_ = std::stoi(word);
            latest_ = std::max(latest_, second_);
            words >> word;
        }
        const Timestamp now = at(latest_);
        std::string argument;
        const auto next = [&]() -> std::string& {
            words >> argument;
            return argument;
        };
        if (word == "snapshot" || word == "piece") {
            std::vector<ActiveAlert> alerts;
            while (words >> argument) alerts.push_back(alert(argument));
            core_.on_snapshot_piece(alerts);
            if (word == "snapshot") core_.on_snapshot(now);
        } else if (word == "failed") {
            core_.on_snapshot_failed(mono);
        } else if (word == "price") {
            core_.on_price({"BTC", *Decimal::parse(next()), at(second_), ++sequence_}, now);
        } else if (word == "gone") {
            core_.on_price_gone({"BTC", at(second_)}, now);
        } else if (word == "created") {
            core_.on_alert_change({AlertChange::Kind::created, alert(next())}, now);
        } else if (word == "deleted") {
            core_.on_alert_change({AlertChange::Kind::deleted, alert(next())}, now);
        } else if (word == "behind") {
            core_.on_behind();
        } else if (word == "caught-up") {
            core_.on_caught_up(now);
        } else if (word == "unheard") {
            core_.on_alerts_unheard();
        } else if (word == "missed") {
            core_.on_alerts_missed(mono);
        } else if (word == "after") {
            core_.after_this([this, name = next()] { say(name); });
        } else if (word == "end") {
            core_.on_batch_end(now);
        } else if (word == "pause") {
            latest_ += 2;
            core_.on_time(at(latest_));
        } else {
            throw std::invalid_argument(line);
        }
    }

    static Timestamp at(int second) { return start + std::chrono::seconds{second}; }
    ActiveAlert alert(const std::string& text) {
        const std::size_t side = text.find_first_of("<>");
        const int number = std::stoi(text);
        if (side == text.npos) return alerts_.at(number);
        const std::size_t made = text.find('@');
        ActiveAlert out{make_uuid(at(made == text.npos ? second_ : std::stoi(text.substr(made + 1)))), "BTC",
                        text[side] == '>' ? Condition::gt : Condition::lt,
                        *Decimal::parse(text.substr(side + 1, made == text.npos ? made : made - side - 1))};
        out.id.bytes[15] = static_cast<std::uint8_t>(number);
        return alerts_[number] = out;
    }
    void say(const std::string& what) { out_ += (out_.empty() ? "" : " ") + what; }
    void fire(const FiringGroup& group) {
        std::string ids;
        for (const Firing& firing : group.firings) {
            ids += (ids.empty() ? "" : ",") + std::to_string(firing.alert_id.bytes[15]);
        }
        say(ids + "@" + group.price.value.to_string());
    }

    std::map<int, ActiveAlert> alerts_;
    int second_ = 0;
    int latest_ = 0;
    std::uint64_t sequence_ = 0;
    std::string out_;
    CheckerCore core_{[this](const FiringGroup& group) { fire(group); }, {1s, 4s}, Rng{7}};
};

class CheckerCoreTest : public ::testing::Test {
protected:
    // Plays the script after an empty snapshot, in Phase::following.
    std::string follow(const std::string& script) {
        play_.play("snapshot\nend");
        return play_.play(script);
    }
    std::string play(const std::string& script) { return play_.play(script); }
    CheckerPlay play_;
};

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

// Prices that come late.

TEST_F(CheckerCoreTest, APriceThatCameLateAndWasOverDoesNotFireAnAlertMadeAfterIt) {
    EXPECT_EQ(follow(R"(
        4 created 1>100
        2 price 150
        3 price 60)"),
              "");
    EXPECT_EQ(play("pause"), "");
    EXPECT_EQ(play("7 price 101"), "1@101");
}

TEST_F(CheckerCoreTest, NorDoesItFireAnAlertThatBecomesKnownAfterIt) {
    EXPECT_EQ(follow(R"(
        4 created 1>200
        2 price 150
        4 created 2>100
        3 price 60
        pause
        7 price 101)"),
              "2@101");
}

TEST_F(CheckerCoreTest, APriceThatCameLateFiresAtOnceWhatIsOlder) {
    EXPECT_EQ(follow(R"(
        1 created 1>100
        4 created 2>100
        2 price 150
        created 3>100@1)"),
              "1@150 3@150");
}

TEST_F(CheckerCoreTest, APriceThatCameLateAndIsStillInEffectFiresAfterAMoment) {
    EXPECT_EQ(follow(R"(
        4 created 1>100
        2 price 150
        4 created 2>100
        after x)"),
              "");
    EXPECT_TRUE(play_.core().next_time());
    EXPECT_EQ(play("pause"), "1,2@150 x") << "nothing is reported done before";
    EXPECT_FALSE(play_.core().next_time());
}

TEST_F(CheckerCoreTest, OfSeveralLatePricesEachFiresTheAlertsOfItsTime) {
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

TEST_F(CheckerCoreTest, AlertsInDoubtAreDeletedReloadedAndReplayedLikeOthers) {
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

}  // namespace
}  // namespace pricewire::alert
