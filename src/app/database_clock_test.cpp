#include "app/database_clock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "fakes/log_capture.hpp"
#include "support/eventually.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

// The test's true time, by which the clock since the machine's start goes; the wall clock and the database's are off. The
// monotonic clock stands still, as if the machine slept.
class Times final : public Clock {
public:
    Timestamp now() const override { return truth_ + ahead; }
    MonoTime mono() const override { return MonoTime{1h}; }
    Duration since_boot() const { return 1h + (truth_ - begun); }
    Timestamp truth() const { return truth_; }
    void go(Duration d) { truth_ += d; }

    Duration ahead{};  // of the wall clock
    Duration database_ahead{};

private:
    static constexpr Timestamp begun{1'700'000'000s};
    Timestamp truth_ = begun;
};

class DatabaseClockTest : public ::testing::Test {
protected:
    // The answer is given after so long, and then arrives after so long.
    void ask(Duration before = 1ms, Duration after = 1ms) {
        clock_.learn([&] {
            times_.go(before);
            const Timestamp answer = times_.truth() + times_.database_ahead;
            times_.go(after);
            return answer;
        });
    }
    Duration off() const { return clock_.now() - times_.truth(); }

    fakes::LogCapture log_;
    Times times_;
    DatabaseClock clock_{times_, [this] { return times_.since_boot(); }};
};

TEST_F(DatabaseClockTest, OneThatIsAMinuteAheadIsCorrected) {
    times_.ahead = 1min;
    EXPECT_EQ(off(), 1min);
    ask();
    EXPECT_EQ(off(), 0s);
    ask();
    EXPECT_EQ(log_.lines(),
              std::vector<std::string>{"warn this host's clock differs from the database's, which this "
                                       "process uses instead clock=60.0 s ahead"});
}

TEST_F(DatabaseClockTest, OneThatIsAMinuteBehindIsCorrected) {
    times_.ahead = -1min;
    ask();
    EXPECT_EQ(off(), 0s);
    EXPECT_EQ(log_.count("clock=60.0 s behind"), 1U);
}

TEST_F(DatabaseClockTest, WhatTheDatabaseSaysCountsNotTheTruth) {
    times_.database_ahead = 1min;
    ask();
    EXPECT_EQ(off(), 1min);
    EXPECT_EQ(log_.count("clock=60.0 s behind"), 1U);
    // As after a failover.
    times_.database_ahead = 0s;
    ask();
    EXPECT_EQ(off(), 0s);
}

TEST_F(DatabaseClockTest, ALittleIsLeftAsItIs) {
    times_.ahead = 80ms;
    ask();
    ask();
    EXPECT_EQ(off(), 80ms);
    times_.database_ahead = 20ms;
    ask();
    EXPECT_EQ(off(), 80ms);
    EXPECT_EQ(log_.lines().size(), 0U);
}

TEST_F(DatabaseClockTest, WhileTheDatabaseIsAwayStepsOfTheWallClockChangeNothing) {
    times_.ahead = 1min;
    ask();
    times_.ahead = 0s;
    times_.go(1h);
    EXPECT_EQ(off(), 0s);
    times_.ahead = -1min;
    EXPECT_EQ(off(), 0s);
    ask();
    EXPECT_EQ(off(), 0s);
    EXPECT_EQ(log_.count("clock=60.0 s behind"), 1U);
}

TEST_F(DatabaseClockTest, TheLogSaysWhenItIsRightAndWhenItIsWrongAgain) {
    for (int times = 0; times < 2; ++times) {
        times_.ahead = 1min;
        ask();
        times_.ahead = 0s;
        ask();
    }
    EXPECT_EQ(log_.count("warn this host's clock differs from the database's, which"), 2U);
    EXPECT_EQ(log_.count("info this host's clock agrees with the database's again"), 2U);
}

TEST_F(DatabaseClockTest, NothingWaversAtTheLimit) {
    times_.ahead = 300ms;
    ask();
    for (const Duration ahead : {245ms, 260ms, 130ms, 255ms}) {
        times_.ahead = ahead;
        ask();
        EXPECT_EQ(off(), 0s);
    }
    EXPECT_EQ(log_.lines().size(), 1U);
}

TEST_F(DatabaseClockTest, ASlowAnswerCorrectsWhatItShowsToBeWrong) {
    times_.ahead = 1min;
    ask(8s, 2s);
    EXPECT_EQ(off(), 3s);  // as if it had been given in the middle
    EXPECT_EQ(log_.count("which this process uses instead"), 1U);
    ask();
    EXPECT_EQ(off(), 0s);
    ask(3s, 0s);
    EXPECT_EQ(off(), 0s);
}

TEST_F(DatabaseClockTest, APauseWhileAnAnswerIsReadIsNoError) {
    ask(1ms, 10min);
    EXPECT_EQ(off(), 0s);
    ask(10min, 1ms);
    EXPECT_EQ(off(), 0s);
    EXPECT_EQ(log_.lines().size(), 0U);
}

TEST_F(DatabaseClockTest, OneThatIsTooFarOffIsLeftAsItIs) {
    times_.ahead = 121s;
    ask();
    ask();
    EXPECT_EQ(off(), 121s);
    EXPECT_EQ(log_.count("error this host's clock differs from the database's by too much"), 1U);
    times_.ahead = 119s;
    ask();
    EXPECT_EQ(off(), 119s);
    times_.ahead = 105s;
    ask();
    EXPECT_EQ(off(), 0s);
    EXPECT_EQ(log_.count("clock=105.0 s ahead"), 1U);
    times_.ahead = 121s;
    ask();
    EXPECT_EQ(off(), 121s);
    EXPECT_EQ(log_.count("error this host's clock differs from the database's by too much"), 2U);
    times_.ahead = 0s;
    ask();
    EXPECT_EQ(off(), 0s);
    EXPECT_EQ(log_.count("agrees with the database's again"), 1U);
}

TEST(SinceBoot, GoesOn) {
    const Duration before = since_boot();
    EXPECT_GT(before, 0s);
    EXPECT_TRUE(test::eventually([&] { return since_boot() > before; }));
}

TEST(TimeAskerTest, DoesNotBeginWithoutAnAnswer) {
    DatabaseClock clock(system_clock());
    const auto ask = []() -> Timestamp { throw std::runtime_error("the database is away"); };
    EXPECT_THROW(TimeAsker(ask, clock), std::runtime_error);
}

TEST(TimeAskerTest, GoesOnAskingThroughAnOutage) {
    const fakes::LogCapture log;
    std::atomic<int> asked = 0;
    DatabaseClock clock(system_clock());
    const TimeAsker asker(
        [&] {
            const int before = asked++;
            if (before > 0 && before < 4) throw std::runtime_error("the database is away");
            return system_clock().now() + (before == 0 ? 60s : 90s);
        },
        clock, 1ms);
    EXPECT_TRUE(test::eventually([&] { return clock.now() - system_clock().now() > 75s; }));
    EXPECT_GT(asked, 4);
    EXPECT_EQ(log.count("which this process uses instead"), 2U);
}

}  // namespace
}  // namespace pricewire::app
