#include "recover/runner.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "base/mutex.hpp"
#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"
#include "rule/terms_fixture.hpp"

namespace pricewire::recover {
namespace {

using namespace std::chrono_literals;

// Venues that answer at once with what a test has set.
class FakePast final : public past::Past {
public:
    void bars(past::PastAsk ask, std::move_only_function<void(past::PastBars)> done) override {
        past::PastBars out;
        {
            MutexLock lock(mutex_);
            ++asked_;
            const std::string symbol = ask.places.at(0).symbol;
            const auto failure = symbol == failing_ || failing_.empty() ? failure_ : std::nullopt;
            for (const past::Place& place : ask.places) out.venues.push_back({place, failure, reach_});
            for (const past::CombinedBar& bar : bars_[symbol]) {
                if (!failure && bar.start >= ask.from && bar.start < ask.to) out.bars.push_back(bar);
            }
        }
        done(std::move(out));
    }
    void trades(past::PastAsk ask,
                std::move_only_function<void(std::vector<past::PlaceTrades>)> done) override {
        std::vector<past::PlaceTrades> out;
        {
            MutexLock lock(mutex_);
            ++asked_for_trades_;
            for (const past::Place& place : ask.places) {
                past::PlaceTrades& one = out.emplace_back();
                one.place = place;
                one.trades = std::vector<feed::PastTrade>{};
                for (const feed::PastTrade& trade : trades_) {
                    if (trade.time >= ask.from && trade.time < ask.to) one.trades->push_back(trade);
                }
                if (!has_trades_)
                    one.trades = std::unexpected(past::Failure{past::Failure::Kind::not_offered, "no"});
            }
        }
        done(std::move(out));
    }

    void set_bars(std::vector<past::CombinedBar> bars, const std::string& symbol = "BTC") {
        MutexLock lock(mutex_);
        bars_[symbol] = std::move(bars);
    }
    void set_trades(std::vector<feed::PastTrade> trades) {
        MutexLock lock(mutex_);
        trades_ = std::move(trades);
        has_trades_ = true;
    }
    void set_reach(Duration reach) {
        MutexLock lock(mutex_);
        reach_ = reach;
    }
    void fail(std::optional<past::Failure> failure, std::string symbol = {}) {
        MutexLock lock(mutex_);
        failure_ = std::move(failure);
        failing_ = std::move(symbol);
    }
    int asked() const {
        MutexLock lock(mutex_);
        return asked_;
    }
    int asked_for_trades() const {
        MutexLock lock(mutex_);
        return asked_for_trades_;
    }

private:
    mutable Mutex mutex_;
    std::map<std::string, std::vector<past::CombinedBar>> bars_ GUARDED_BY(mutex_);
    std::vector<feed::PastTrade> trades_ GUARDED_BY(mutex_);
    bool has_trades_ GUARDED_BY(mutex_) = false;
    std::optional<past::Failure> failure_ GUARDED_BY(mutex_);
    std::string failing_ GUARDED_BY(mutex_);  // a symbol; empty: all
    Duration reach_ GUARDED_BY(mutex_){};
    int asked_ GUARDED_BY(mutex_) = 0;
    int asked_for_trades_ GUARDED_BY(mutex_) = 0;
};

class RunnerTest : public ::testing::Test {
protected:
    RunnerTest() {
        EXPECT_TRUE(storage_.create_user({{user_, "a@example.com", true, t0_}, {}, "whsec_AAAA"}));
    }

    Uuid add(Condition condition, int target, Duration created = -1h) {
        Alert alert{.id = make_uuid(t0_),
                    .user_id = user_,
                    .ticker = "BTC",
                    .target = Decimal::from_int(target),
                    .condition = condition,
                    .webhook_url = "https://example.com/",
                    .created_at = t0_ + created};
        EXPECT_TRUE(storage_.create_alert(alert, 1000));
        return alert.id;
    }
    Uuid add_ruled(std::string_view when, std::string_view repeat = "null", bool recover = true) {
        auto terms = std::make_shared<Terms>(rule::terms_of(when, "null", repeat));
        Alert alert{.id = make_uuid(t0_),
                    .user_id = user_,
                    .ticker = "BTC",
                    .webhook_url = "https://example.com/",
                    .recover = recover,
                    .created_at = t0_ - 1h,
                    .terms = std::move(terms),
                    .begun_at = t0_ - 1h};
        EXPECT_TRUE(storage_.create_alert(alert, 1000));
        FiringGroup group{{"BTC", Decimal::from_int(100), t0_ - 1h, 1}, t0_ - 1h, {}};
        const RuleState state{
            .armed = true, .start = t0_ - 1h, .start_price = Decimal::from_int(100), .as_of = t0_ - 1h};
        group.notes.push_back(
            {.alert_id = alert.id, .rules = std::vector<RuleState>(alert.terms->rules.size(), state)});
        storage_.fire(std::vector{group});
        return alert.id;
    }
    past::CombinedBar bar(int minute, int low, int high) const {
        const Decimal l = Decimal::from_int(low), h = Decimal::from_int(high);
        return {t0_ + minute * 1min, l, h, l, h, {}, 2, 0b11};
    }
    void blind(int from, int to) {
        storage_.save_blind(std::vector{BlindSpan{.ticker = "BTC",
                                                  .from = t0_ + from * 1min,
                                                  .to = t0_ + to * 1min,
                                                  .reason = "x",
                                                  .state = BlindState::waiting,
                                                  .told_until = {},
                                                  .unknown = (to - from) * 1min}});
    }
    std::unique_ptr<Runner> start(std::string owner = "feed") {
        RunnerOptions options;
        options.owner = std::move(owner);
        options.places = [](Ticker ticker) {
            const std::string symbol(ticker.view());
            return std::vector<past::Place>{{"kraken", symbol}, {"okx", symbol}};
        };
        options.written = [this](auto, std::span<const DeliveryTask> tasks) {
            written_ += tasks.size();
            ++commits_;
        };
        options.known = [](Ticker, Timestamp, Timestamp) { return std::vector<Stretch>{}; };
        options.max_firings_per_commit = 3;
        options.look_every = 5ms;
        options.most_ruled = most_ruled_;
        return start_runner(storage_, past_, clock_, std::move(options));
    }
    BlindSpan span() { return storage_.blind_spans("BTC", Timestamp::min(), 1).at(0); }
    bool wait_for(BlindState state) {
        return storage_.wait_until([&] { return span().state == state; });
    }
    std::optional<LateFiring> late(const Uuid& alert) { return storage_.alert(user_, alert)->late; }

    ManualClock clock_;
    const Timestamp t0_ = std::chrono::floor<std::chrono::minutes>(clock_.now()) - 1h;
    const Uuid user_ = make_uuid(t0_);
    fakes::LogCapture log_;
    fakes::TestStorage storage_;
    FakePast past_;
    std::size_t most_ruled_ = 100;
    std::atomic<std::size_t> written_ = 0;
    std::atomic<int> commits_ = 0;
};

TEST_F(RunnerTest, FiresWhatWasTouchedLateAndOnce) {
    const Uuid high = add(Condition::gt, 110);
    const Uuid never = add(Condition::gt, 120);
    const Uuid young = add(Condition::gt, 105, 30min);
    past_.set_bars({bar(0, 99, 100), bar(1, 100, 115), bar(2, 99, 100)});
    blind(0, 3);
    const auto first = start();
    ASSERT_TRUE(wait_for(BlindState::recovered));
    first->stop();
    EXPECT_EQ(late(high), (LateFiring{t0_ + 1min, t0_ + 2min, {"kraken", "okx"}}));
    EXPECT_EQ(storage_.alert(user_, high)->triggered_price, Decimal::from_int(115));
    EXPECT_FALSE(late(never));
    EXPECT_FALSE(late(young));
    EXPECT_EQ(span().fired, 1);
    EXPECT_EQ(span().unknown, 0s);
    EXPECT_EQ(written_, 1U);
    EXPECT_EQ(first->fired(), 1U);
    EXPECT_EQ(first->recovered_seconds(), 180U);
}

TEST_F(RunnerTest, AlertsWithTermsFireLateAsOftenAsTheyWouldHave) {
    const Uuid steps =
        add_ruled(R"({"is":"above","level":{"from":"start","by":"5%"}})", R"({"cooldown":"10s"})");
    const Uuid never = add_ruled(R"({"is":"above","level":107})", "null", false);
    past_.set_bars({bar(0, 99, 100), bar(1, 100, 106), bar(2, 106, 107), bar(3, 107, 115)});
    storage_.lose_answers_of("fire", 2);
    blind(0, 4);
    const auto one = start("one");
    const auto two = start("two");
    ASSERT_TRUE(wait_for(BlindState::recovered));
    const auto firings = storage_.firings(user_, steps, 10);
    ASSERT_EQ(firings.size(), 2U);
    EXPECT_EQ(firings[1].late, (LateFiring{t0_ + 1min, t0_ + 2min, {"kraken", "okx"}}));
    EXPECT_EQ(firings[1].price, Decimal::from_int(106));
    EXPECT_EQ(firings[0].late, (LateFiring{t0_ + 3min, t0_ + 4min, {"kraken", "okx"}}));
    EXPECT_EQ(firings[0].price, Decimal::from_int(115));
    EXPECT_EQ(storage_.all_deliveries().size(), 2U);
    EXPECT_TRUE(storage_.alert(user_, never)->is_active);
}

TEST_F(RunnerTest, LooksAtABoundedNumberOfAlertsWithTerms) {
    most_ruled_ = 2;
    for (const char* level : {"101", "102", "103"})
        add_ruled(fmt::format(R"({{"is":"above","level":{{"from":{},"by":"1%"}}}})", level));
    past_.set_bars({bar(0, 99, 100), bar(1, 100, 115)});
    blind(0, 2);
    const auto runner = start();
    ASSERT_TRUE(wait_for(BlindState::recovered));
    EXPECT_EQ(storage_.all_deliveries().size(), 2U);
    EXPECT_EQ(log_.count("warn a ticker has more alerts with terms than can be looked at"), 1U);
}

TEST_F(RunnerTest, WhatSeveralTickersDecideWaitsForTheVenuesOfEach) {
    const Uuid both =
        add_ruled(R"({"all":[{"is":"above","level":107},{"ticker":"ETH","is":"below","level":50}]})");
    const Uuid high = add(Condition::gt, 107);
    past_.set_bars({bar(0, 99, 100), bar(1, 100, 108)});
    past_.set_bars({bar(0, 40, 55), bar(1, 40, 45)}, "ETH");
    past_.fail(past::Failure{past::Failure::Kind::unavailable, "it answers 503"}, "ETH");
    blind(0, 2);
    const auto runner = start();
    ASSERT_TRUE(storage_.wait_until([&] { return span().tries == 1; }));
    EXPECT_EQ(span().unknown, 0s);
    EXPECT_TRUE(late(high));
    EXPECT_FALSE(late(both));
    past_.fail(std::nullopt);
    runner->stop();
    clock_.advance(10s);
    const auto again = start();
    ASSERT_TRUE(wait_for(BlindState::recovered));
    EXPECT_EQ(late(both), (LateFiring{t0_ + 1min, t0_ + 2min, {"kraken", "okx"}}));
    EXPECT_EQ(storage_.all_deliveries().size(), 2U);
}

TEST_F(RunnerTest, ANewHighOfTheBlindTimeIsNoted) {
    const Uuid trailing = add_ruled(R"({"is":"below","level":{"from":"high","by":"-5%"}})");
    past_.set_bars({bar(0, 99, 100), bar(1, 100, 102), bar(2, 101, 103)});
    blind(0, 3);
    const auto runner = start();
    ASSERT_TRUE(wait_for(BlindState::recovered));
    const auto row = storage_.active_alert(trailing);
    ASSERT_EQ(row->ruled->state.rules.size(), 1U);
    EXPECT_EQ(row->ruled->state.rules[0].extreme, Decimal::from_int(103));
    EXPECT_EQ(row->ruled->state.rules[0].extreme_until, t0_ + 3min);
}

TEST_F(RunnerTest, TradesGiveTheMoment) {
    const Uuid high = add(Condition::gt, 110);
    past_.set_bars({bar(0, 99, 100), bar(1, 100, 115)});
    past_.set_trades({{t0_ + 50s, Decimal::from_int(100), 1},
                      {t0_ + 70s, Decimal::from_int(109), 2},
                      {t0_ + 80s, Decimal::from_int(113), 3}});
    blind(0, 2);
    const auto runner = start();
    ASSERT_TRUE(wait_for(BlindState::recovered));
    EXPECT_EQ(late(high), (LateFiring{t0_ + 80s, t0_ + 80s, {"kraken", "okx"}}));
    EXPECT_EQ(storage_.alert(user_, high)->triggered_price, Decimal::from_int(113));
    EXPECT_EQ(past_.asked_for_trades(), 1);
}

TEST_F(RunnerTest, ManyFiringsAreWrittenInSeveralCommits) {
    for (int i = 0; i < 4; ++i) add(Condition::gt, 98 + i);
    for (int i = 0; i < 4; ++i) add(Condition::lt, 95 + i);
    past_.set_bars({bar(1, 99, 102), bar(2, 94, 100)});
    blind(1, 3);
    const auto runner = start();
    ASSERT_TRUE(wait_for(BlindState::recovered));
    EXPECT_EQ(span().fired, 8);
    EXPECT_EQ(written_, 8U);
    EXPECT_EQ(commits_, 4) << "3, 1, 3, 1";
}

TEST_F(RunnerTest, AsksNothingWhereNoAlertNeedsIt) {
    blind(0, 3);
    const auto runner = start();
    ASSERT_TRUE(wait_for(BlindState::unasked));
    EXPECT_EQ(past_.asked(), 0);
}

TEST_F(RunnerTest, WhatVenuesDoNotTellIsAskedAgainAndStaysWaiting) {
    const Uuid high = add(Condition::gt, 110);
    past_.set_bars({bar(0, 99, 115)});
    past_.fail(past::Failure{past::Failure::Kind::unavailable, "it answers 503"});
    blind(0, 1);
    const auto runner = start();
    ASSERT_TRUE(storage_.wait_until([&] { return span().tries == 1; }));
    EXPECT_EQ(span().state, BlindState::waiting);
    EXPECT_EQ(span().unknown, 1min);
    past_.fail(std::nullopt);
    runner->stop();
    clock_.advance(10s);
    const auto again = start();
    ASSERT_TRUE(wait_for(BlindState::recovered));
    EXPECT_TRUE(late(high));
}

TEST_F(RunnerTest, WhatIsBeyondTheVenuesReachIsUnknown) {
    const Uuid high = add(Condition::gt, 110);
    past_.set_bars({bar(1, 99, 115)});
    past_.set_reach(1h - 1min);
    blind(0, 2);
    const auto runner = start();
    ASSERT_TRUE(storage_.wait_until([&] { return span().tries == 1; }));
    EXPECT_TRUE(late(high));
    EXPECT_EQ(span().unknown, 1min) << "a minute without a bar may have had trades";
}

TEST_F(RunnerTest, WhatIsOlderThanIsAskedBackIsLost) {
    add(Condition::gt, 110);
    past_.set_bars({bar(0, 99, 115)});
    blind(-60 * 30, -60 * 28);
    const auto runner = start();
    ASSERT_TRUE(wait_for(BlindState::lost));
    EXPECT_EQ(past_.asked(), 0);
}

TEST_F(RunnerTest, AFailureBetweenFiringAndWritingItDownFiresNothingTwice) {
    const Uuid high = add(Condition::gt, 110);
    past_.set_bars({bar(0, 99, 115)});
    storage_.lose_answers_of("fire", 3);
    blind(0, 1);
    const auto one = start("one");
    const auto two = start("two");
    ASSERT_TRUE(storage_.wait_until([&] { return span().state != BlindState::waiting; }));
    EXPECT_TRUE(late(high));
    EXPECT_EQ(storage_.all_deliveries().size(), 1U);
}

TEST_F(RunnerTest, TheLastMinuteIsToldOnceItIsOver) {
    const Uuid early = add(Condition::gt, 110);
    const Uuid last = add(Condition::gt, 120);
    past_.set_bars({bar(58, 99, 100), bar(59, 99, 115)});
    // It ends within the present minute, whose bar is not there yet.
    storage_.save_blind(std::vector{BlindSpan{.ticker = "BTC",
                                              .from = t0_ + 58min,
                                              .to = t0_ + 60min + 1s,
                                              .reason = "x",
                                              .state = BlindState::waiting,
                                              .told_until = {},
                                              .unknown = 121s}});
    auto runner = start();
    ASSERT_TRUE(storage_.wait_until([&] { return span().told_until == t0_ + 60min; }));
    EXPECT_TRUE(late(early)) << "what is told fires at once";
    EXPECT_EQ(span().tries, 0);
    runner->stop();
    past_.set_bars({bar(60, 99, 125)});
    clock_.advance(2min);
    runner = start();
    ASSERT_TRUE(wait_for(BlindState::recovered));
    EXPECT_TRUE(late(last));
}

}  // namespace
}  // namespace pricewire::recover
