#include "recover/recorder.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"
#include "support/eventually.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

class RecorderTest : public ::testing::Test {
protected:
    std::unique_ptr<Recorder> start(bool is_asked_back = true) {
        return start_recorder(storage_, clock_,
                              {.always = {"BTC"}, .is_asked_back = is_asked_back, .write_every = 5ms});
    }
    std::vector<BlindSpan> spans(Ticker ticker = {}) {
        return storage_.blind_spans(ticker, Timestamp::min(), 100);
    }

    const Clock& clock_ = system_clock();
    const Timestamp now_ = clock_.now();
    fakes::LogCapture log_;
    fakes::TestStorage storage_;
};

TEST_F(RecorderTest, StoresUntilWhenAllWasJudged) {
    const auto recorder = start();
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.judged_until().has_value(); }))
        << "before the first sign of life, so that a kill before it is noticed";
    recorder->heard("a", {now_ + 3s, {}});
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.judged_until() == now_ + 3s; }));
    EXPECT_TRUE(spans().empty());
}

TEST_F(RecorderTest, NotesNoMoreThanItMay) {
    std::atomic<bool> may = false;
    const auto recorder = start_recorder(
        storage_, clock_, {.write_every = 5ms, .at_most = [&](Timestamp judged) -> std::optional<Timestamp> {
                               if (!may) return std::nullopt;
                               return std::min(judged, now_ + 2s);
                           }});
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.judged_until().has_value(); }));
    const auto before = storage_.judged_until();
    recorder->heard("a", {now_ + 3s, {}});
    EXPECT_TRUE(test::eventually([&] { return recorder->judged() == now_ + 3s; }));
    EXPECT_EQ(storage_.judged_until(), before);
    may = true;
    EXPECT_TRUE(test::eventually([&] { return storage_.judged_until() == now_ + 2s; }));
}

TEST_F(RecorderTest, WhatWasMissedIsASpanOfEachTickerThatIsNeeded) {
    storage_.note_judged(now_ - 10min, now_);
    storage_.need_tickers(std::vector<Ticker>{"WIF"}, now_, now_ + 10min);
    const auto recorder = start();
    recorder->heard("a", {now_, {{"ETH", std::nullopt}}});
    ASSERT_TRUE(storage_.wait_until([&] { return spans().size() == 3; }));
    for (const Ticker ticker : {Ticker("BTC"), Ticker("WIF")}) {
        const BlindSpan span = spans(ticker).at(0);
        EXPECT_EQ(span.from, now_ - 10min);
        EXPECT_EQ(span.to, now_);
        EXPECT_EQ(span.state, BlindState::waiting);
        EXPECT_EQ(span.reason, "Pricewire was not running");
    }
    EXPECT_EQ(spans("ETH").at(0).to, std::nullopt);
    EXPECT_EQ(recorder->blind_tickers(), 1U);
    EXPECT_EQ(recorder->blind_seconds(), 1200U);
    recorder->heard("a", {now_ + 1s, {}});
    ASSERT_TRUE(storage_.wait_until([&] { return spans("ETH").at(0).to == now_ + 1s; }));
}

TEST_F(RecorderTest, WhatWasMissedOfOneTickerIsASpan) {
    const auto recorder = start();
    recorder->missed("ETH", now_ - 20s, now_ - 5s);
    ASSERT_TRUE(storage_.wait_until([&] { return spans().size() == 1; }));
    const BlindSpan span = spans("ETH").at(0);
    EXPECT_EQ(span.from, now_ - 20s);
    EXPECT_EQ(span.to, now_ - 5s);
    EXPECT_EQ(span.state, BlindState::waiting);
}

TEST_F(RecorderTest, AnotherCheckerMayHaveJudgedIt) {
    storage_.note_judged(now_ - 10min, now_);
    const auto recorder = start();
    recorder->heard("a", {now_ - 10min, {}});
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("note_judged") >= 1; }));
    storage_.note_judged(now_ - 1s, now_);
    recorder->heard("a", {now_, {}});
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.judged_until() == now_; }));
    EXPECT_TRUE(spans().empty());
}

TEST_F(RecorderTest, WithoutRecoveryWhatIsMissedIsLost) {
    storage_.note_judged(now_ - 10min, now_);
    const auto recorder = start(false);
    recorder->heard("a", {now_, {}});
    ASSERT_TRUE(storage_.wait_until([&] { return spans().size() == 1; }));
    EXPECT_EQ(spans()[0].state, BlindState::lost);
}

TEST_F(RecorderTest, WhatCannotBeStoredIsStoredLater) {
    storage_.note_judged(now_ - 10min, now_);
    storage_.fail();
    const auto recorder = start();
    recorder->heard("a", {now_, {}});
    recorder->heard("a", {now_ + 1s, {}});
    storage_.heal();
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.judged_until() == now_ + 1s; }));
    EXPECT_EQ(spans().size(), 1U);
}

TEST_F(RecorderTest, WhatIsNotInStoredBarsIsNotNotedAsJudged) {
    std::atomic<bool> is_stored = false;
    std::atomic<int> asked = 0;
    storage_.note_judged(now_, now_);
    const auto recorder =
        start_recorder(storage_, clock_, {.always = {"BTC"}, .write_every = 5ms, .store_bars = [&] {
                                              ++asked;
                                              return is_stored.load();
                                          }});
    recorder->heard("a", {now_ + 1s, {}});
    ASSERT_TRUE(storage_.wait_until([&] { return asked > 2; }));
    EXPECT_EQ(storage_.judged_until(), now_);
    is_stored = true;
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.judged_until() == now_ + 1s; }));
}

TEST_F(RecorderTest, SaysOnceThatItForgetsWhatTheDatabaseDoesNotTake) {
    const auto recorder = start();
    recorder->heard("a", {now_ + 1s, {}});
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.judged_until() == now_ + 1s; }));
    storage_.fail();
    Heard nothing{now_ + 2s, {}};
    for (int i = 0; i < 100'002; ++i)
        nothing.unheard.push_back({Ticker("T" + std::to_string(i)), now_ - 1min});
    recorder->heard("a", std::move(nothing));
    recorder->stop();
    EXPECT_EQ(log_.count("error too many blind times wait for the database; further ones are forgotten"), 1U);
}

TEST_F(RecorderTest, AClockThatIsFarAheadMakesNoSpanOld) {
    const BlindSpan span{.ticker = "BTC",
                         .from = now_ - 10min,
                         .to = now_ - 5min,
                         .reason = "x",
                         .state = BlindState::lost,
                         .told_until = {},
                         .unknown = 5min};
    storage_.save_blind({&span, 1});
    const ManualClock ahead(now_ + 24h * 100);
    const auto recorder = start_recorder(storage_, ahead, {.write_every = 5ms});
    ASSERT_TRUE(storage_.wait_until([&] { return storage_.calls("prune_blind") == 1; }));
    recorder->stop();
    EXPECT_EQ(spans("BTC").size(), 1U);
}

}  // namespace
}  // namespace pricewire::recover
