#include "feed/hearing.hpp"

#include <gtest/gtest.h>

#include <array>

#include "feed/neighbours.hpp"

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

class HearingTest : public ::testing::Test {
protected:
    HearingTest() { hearing_.connected(now_); }
    void trades(int n, MonoTime::duration apart) {
        for (int i = 0; i < n; ++i) {
            now_ += apart;
            hearing_.traded(now_);
        }
    }
    // How long it has been quiet when it is found deaf; -1 min: it never is, within two hours.
    std::chrono::minutes deaf_after(int others, MonoTime::duration others_pause = 0s) {
        const MonoTime from = now_;
        while (now_ - from < 2h) {
            now_ += 10s;
            hearing_.judge(now_, others, others_pause);
            if (hearing_.is_deaf()) return std::chrono::floor<std::chrono::minutes>(now_ - from);
        }
        return -1min;
    }

    MonoTime now_{1h};
    Hearing hearing_;
};

TEST_F(HearingTest, ABusyTickerIsDeafAfterAMinuteInWhichFiveOthersTradedIt) {
    trades(100, 200ms);
    EXPECT_EQ(deaf_after(5), 1min);
    EXPECT_EQ(hearing_.others(), 5);
    trades(1, 1s);
    EXPECT_FALSE(hearing_.is_deaf());
}

TEST_F(HearingTest, WithFewOthersItTakesLonger) {
    trades(100, 200ms);
    EXPECT_EQ(deaf_after(2), 3min);
    trades(1, 1s);
    EXPECT_EQ(deaf_after(1), -1min) << "one other may be the one that is wrong";
}

TEST_F(HearingTest, AThinTickerMayPauseForThreeTimesItsLongestPause) {
    trades(20, 3min);
    EXPECT_EQ(deaf_after(9), 9min);
}

TEST_F(HearingTest, OneThatNeverTradedIsDeafOnlyByTheWordOfMany) {
    EXPECT_EQ(deaf_after(4), -1min);
    EXPECT_EQ(deaf_after(5), 0min) << "after two hours already";
}

TEST_F(HearingTest, OneThatHardlyTradedMayBeAThinMarket) {
    EXPECT_EQ(deaf_after(9, 20s), 16min) << "fifty times less often than others";
    trades(19, 1s);
    EXPECT_EQ(deaf_after(9, 20s), 16min);
    trades(20, 1s);
    EXPECT_EQ(deaf_after(9, 20s), 50min) << "it has paused for 16 min";
}

TEST_F(HearingTest, OneThatIsKnownIsJudgedByItsOwnPauses) {
    trades(20, 1s);
    hearing_.connected(now_);
    EXPECT_EQ(deaf_after(9, 20s), 1min) << "on a new connection, too";
}

TEST_F(HearingTest, APauseOfThePastFades) {
    trades(20, 1s);
    trades(1, 10min);
    trades(20'000, 100ms);
    EXPECT_EQ(deaf_after(5), 1min);
}

TEST_F(HearingTest, OneJudgementIsNotEnough) {
    trades(100, 200ms);
    now_ += 10min;  // the process was stopped
    hearing_.judge(now_, 5);
    EXPECT_FALSE(hearing_.is_deaf());
    hearing_.judge(now_ + 10s, 5);
    EXPECT_TRUE(hearing_.is_deaf());
}

TEST_F(HearingTest, CuresAreTriedLessAndLessOften) {
    trades(100, 200ms);
    deaf_after(5);
    std::vector<std::chrono::minutes> apart;
    MonoTime last = now_;
    for (int i = 0; i < 9; ++i) {
        while (!hearing_.wants_cure(now_)) {
            now_ += 10s;
            hearing_.judge(now_, 5);
        }
        apart.push_back(std::chrono::round<std::chrono::minutes>(now_ - std::exchange(last, now_)));
        hearing_.cured(now_);
    }
    EXPECT_EQ(apart,
              (std::vector<std::chrono::minutes>{0min, 2min, 4min, 8min, 16min, 32min, 60min, 60min, 60min}));
    trades(1, 1s);
    EXPECT_EQ(hearing_.cures(), 0);
}

TEST(TradedElsewhere, CountsOtherSourcesOfTheSameTicker) {
    TradedElsewhere traded;
    const MonoTime now{1h};
    const auto btc_at_a = traded.seat("BTC", "a");
    const auto btc_at_b = traded.seat("BTC", "b");
    const auto eth_at_c = traded.seat("ETH", "c");
    const auto btc_at_c = traded.seat("BTC", "c");
    traded.traded(btc_at_a, now);
    traded.traded(btc_at_b, now);
    traded.traded(eth_at_c, now);
    EXPECT_EQ(traded.others(btc_at_a, now - 1min), 1);
    EXPECT_EQ(traded.others(btc_at_c, now - 1min), 2);
    EXPECT_EQ(traded.others(btc_at_c, now + 1s), 0);
    EXPECT_EQ(traded.others(traded.seat("BTC", "a"), now), 1) << "two sessions of a source have one seat";
}

TEST(TradedElsewhere, TellsHowLongOthersPause) {
    TradedElsewhere traded;
    MonoTime now{1h};
    const auto own = traded.seat("BTC", "own");
    const std::array others{traded.seat("BTC", "a"), traded.seat("BTC", "b"), traded.seat("BTC", "c")};
    EXPECT_EQ(traded.pause_of_others(own, now), 0s);
    for (int second = 0; second < 240; ++second, now += 1s) {
        traded.traded(own, now);
        if (second % 2 == 0) traded.traded(others[0], now);
        if (second % 10 == 0) {
            for (int k = 0; k < 5; ++k) traded.traded(others[1], now + k * 100ms);
        }
        if (second % 60 == 0) traded.traded(others[2], now);
    }
    const auto pause = traded.pause_of_others(own, now - 2min);
    EXPECT_GT(pause, 9s) << "trades of one moment are one";
    EXPECT_LE(pause, 10s);
    EXPECT_LE(traded.pause_of_others(own, now - 5s), 2s) << "of those that traded lately";
    traded.traded(traded.seat("ETH", "a"), now);
    EXPECT_EQ(traded.pause_of_others(traded.seat("ETH", "own"), now), 1min) << "it has traded once";
}

TEST(RenewalTurns, OneAMinute) {
    RenewalTurns turns;
    const MonoTime now{1h};
    EXPECT_TRUE(turns.take(now));
    EXPECT_FALSE(turns.take(now + 59s));
    EXPECT_EQ(turns.next(), now + 1min);
    EXPECT_TRUE(turns.take(now + 1min));
}

}  // namespace
}  // namespace pricewire::feed
