#include "price/source_clock.hpp"

#include <gtest/gtest.h>

namespace pricewire::price {
namespace {

using namespace std::chrono_literals;

class SourceClockTest : public ::testing::Test {
protected:
    // How long ago a quote that comes now was made, where its source's clock says `age`.
    Duration age(Duration age, SourceKind kind = SourceKind::exchange, bool is_timed = true) {
        Quote quote{"a", kind, "BTC", Decimal::from_int(1), now_ - age, now_};
        quote.is_timed = is_timed;
        return now_ - clock_.made_at(quote);
    }

    Duration lag(Duration age, SourceKind kind = SourceKind::exchange) {
        const Quote quote{"a", kind, "BTC", Decimal::from_int(1), now_ - age, now_};
        clock_.made_at(quote);
        return clock_.lag_of(quote);
    }

    SourceClock clock_;
    Timestamp now_{std::chrono::seconds{1'700'000'000}};
};

TEST_F(SourceClockTest, ATradeThatWasReadLateHasTheTimeAtWhichItWasMade) {
    EXPECT_EQ(age(8s), 8s) << "the first, too";
    now_ += 1s;
    EXPECT_EQ(age(30ms), 30ms);
    now_ += 1min;
    EXPECT_EQ(age(5s), 5s - 30ms) << "a constant delay looks the same as a clock that is behind";
}

TEST_F(SourceClockTest, AClockThatIsBehindOrAheadIsCorrected) {
    for (int i = 0; i < 20; ++i, now_ += 1s) age(2s);
    EXPECT_EQ(age(2s), 0s);
    EXPECT_EQ(age(3s), 1s);
    for (int i = 0; i < 200; ++i, now_ += 1s) age(-2s);
    EXPECT_EQ(age(-2s), 0s);
    EXPECT_EQ(age(1s), 3s);
}

TEST_F(SourceClockTest, AClockThatIsAheadIsCorrectedFromTheFirstTrade) {
    EXPECT_EQ(age(-2s), 0s);
    EXPECT_EQ(age(1s), 3s);
}

TEST_F(SourceClockTest, ACorrectionIsForgottenAfterMinutes) {
    for (int i = 0; i < 20; ++i, now_ += 1s) age(0s);
    for (int i = 0; i < 200; ++i, now_ += 1s) age(4s);
    EXPECT_EQ(age(4s), 0s) << "its clock was set";
}

TEST_F(SourceClockTest, OurClockSetBackForgetsWhatWasObserved) {
    for (int i = 0; i < 20; ++i, now_ += 1s) age(0s);
    now_ -= 1h;
    EXPECT_EQ(age(-1h), 0s);
    EXPECT_EQ(age(0s), 0s);
}

TEST_F(SourceClockTest, AClockThatIsOffByMoreThanAMinuteIsNoneUntilItIsKnown) {
    EXPECT_EQ(age(2h), 0s);
    now_ += 1s;
    EXPECT_EQ(age(2h), 0s);
    now_ += 10s;
    EXPECT_EQ(age(2h + 3s), 3s);
    EXPECT_EQ(age(3h), 1min) << "bounded";
}

TEST_F(SourceClockTest, AQuoteLagsByWhatItTookMoreThanAClockCanBeWrong) {
    EXPECT_EQ(lag(60s), 60s) << "before the clock is known";
    clock_ = {};
    for (int i = 0; i < 20; ++i, now_ += 1s) lag(4s);
    EXPECT_EQ(lag(4s), 0s) << "a clock that is behind";
    EXPECT_EQ(lag(64s), 60s);
    for (int i = 0; i < 200; ++i, now_ += 1s) lag(60s);
    EXPECT_EQ(lag(60s), 60s) << "but not by a minute";
    for (int i = 0; i < 200; ++i, now_ += 1s) lag(-3s);
    EXPECT_EQ(lag(-3s), 0s);
    EXPECT_EQ(lag(60s, SourceKind::aggregator), 0s);
}

TEST_F(SourceClockTest, AFigureCountsFromItsArrivalAndAnAnswerWithoutATimeFromItsRequest) {
    EXPECT_EQ(age(50s, SourceKind::aggregator), 0s);
    EXPECT_EQ(age(3s, SourceKind::exchange, false), 3s);
    EXPECT_EQ(age(1s), 1s) << "neither says anything about a clock";
}

}  // namespace
}  // namespace pricewire::price
