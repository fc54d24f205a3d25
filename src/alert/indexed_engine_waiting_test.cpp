// Alerts that have not begun, and rules whose ticker has no price yet: they wait, and do what one run for each does.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "alert/lines/places.hpp"
#include "alert/lines/waiting.hpp"
#include "alert/live_alerts.hpp"
#include "alert/rule_steps_fixture.hpp"
#include "alert/rule_text.hpp"

namespace pricewire::alert {
namespace {

using std::chrono::seconds;

ActiveAlert ruled_alert_of(const std::string& rule, Timestamp made, std::uint8_t number = 1) {
    std::istringstream words(rule);
    auto ruled = std::make_shared<const RuledAlert>(RuleText(beginning).parse(words, made));
    Uuid id = make_uuid(made);
    id.bytes[15] = number;
    return {id, ruled->terms->rules[0].ticker, Condition::lt, {}, ruled};
}

// What one of them waits for after a few prices of BTC and ETH; null if it is judged at each price.
class AfterPrices {
public:
    explicit AfterPrices(const std::string& rule) : judged_(ruled_alert_of(rule, beginning), recent_) {
        keep_lines(*judged_.alert().ruled->terms, {}, markets_);
        judged_.begin({});
        for (int second = 1; second <= 4; ++second) {
            price("BTC", second, 100);
            price("ETH", second, 50);
        }
        judged_.time(now_ + Duration{1});
    }
    std::optional<KeptAlert> aside() {
        Timestamp reach{};
        for (const Ticker& ticker : tickers_of(*judged_.alert().ruled->terms))
            reach = std::max(reach, recent_.reach(ticker).value_or(Timestamp{}));
        return put_aside(judged_, reach, now_, markets_);
    }

private:
    void price(Ticker ticker, int second, int value) {
        now_ = beginning + seconds{second};
        const Price price{ticker, Decimal::from_int(value), now_, 1};
        recent_.add(price, now_);
        const auto tickers = tickers_of(*judged_.alert().ruled->terms);
        Woken woken;
        if (Market* market = markets_.find(ticker)) markets_.set(*market, now_, &price, woken);
        if (std::ranges::find(tickers, ticker) != tickers.end()) judged_.value(ticker, now_, price);
    }
    RecentPrices recent_;
    Markets markets_{recent_};
    Judged judged_;
    Timestamp now_ = beginning;
};

TEST(IndexedEngineWaiting, WhatHasNotBegunWaitsForThatAlone) {
    for (const char* const rule :
         {"above 99", "below high -3%", "above low 5m +5%", "crosses_up high 1h", "above 101 for 5m",
          "age above 60", "close 1m above 100", "ratio ETH above 3", "below 50 & ETH above 40",
          "above 200 | XYZ below high -3%"}) {
        const auto kept = AfterPrices(std::string(rule) + " starts 86400").aside();
        ASSERT_TRUE(kept) << rule;
        EXPECT_EQ(due_of(*kept), beginning + seconds{86400}) << rule;
        EXPECT_EQ(kept->quiet, (std::array<Quiet, max_rules>{})) << rule;
    }
}

// No price ever comes to one whose tickers all have none: whether that is live does not matter.
TEST(IndexedEngineWaiting, ARuleWithoutAPriceBesideOneThatHasPricesWaitsForItsFirst) {
    const Quiet first{.down = {.bound = QuietEnd::Bound::any}};
    const auto ratio = AfterPrices("ratio XYZ above 1").aside();
    ASSERT_TRUE(ratio);
    EXPECT_EQ(ratio->quiet[0], first);
    EXPECT_FALSE(ratio->aside.hold_from);
    for (const char* const rule :
         {"above 200 | XYZ above 1", "above 99 & XYZ above 1", "above 99 & XYZ below high -3%"}) {
        const auto kept = AfterPrices(rule).aside();
        ASSERT_TRUE(kept) << rule;
        EXPECT_EQ(kept->quiet[1], first) << rule;
    }
}

// Both engines, given the same: alerts that begin later, and a ticker that has its first price in the middle.
class TwoEngines {
public:
    explicit TwoEngines(unsigned seed) : rng_(seed) {}

    void play() {
        const int first = static_cast<int>(below(400));
        for (int i = 0; i < 500 && !testing::Test::HasFailure(); ++i) {
            if (i % 20 == 0) add();
            event(i < first);
            std::ranges::sort(expected_);
            std::ranges::sort(found_);
            ASSERT_EQ(expected_, found_) << log_;
            ASSERT_EQ(naive_.size(), indexed_->size()) << log_;
            steps += expected_.size();
            expected_.clear();
            found_.clear();
        }
    }
    std::size_t steps = 0;

private:
    std::uint64_t below(std::uint64_t n) { return rng_() % n; }
    std::string one_of(std::vector<std::string> all) { return all[below(all.size())]; }
    std::string rule() {
        const std::string ticker = one_of({"BTC ", "XYZ "});
        return ticker + one_of({"above 101", "below 99", "crosses 100", "crosses_up 100", "inside 99 101",
                                "leaves 98 102", "below high -1%", "above low +1%", "above low 1m +1%",
                                "above start +1%", "below high 1m"});
    }
    void add() {
        std::string text =
            one_of({rule(), rule() + " for 10s", rule() + " & " + rule().substr(0, 4) + "above 100",
                    rule() + " | " + rule(), "ratio XYZ above 1", "XYZ ratio BTC below start -1%",
                    "XYZ age above 5", "XYZ close 1m above 100"});
        if (text.find("& ") != text.npos &&
            (text.find("crosses") != text.npos || text.find("leaves") != text.npos))
            text = "above 99 & XYZ above 100";
        if (text.find("1m") != text.npos && text.find("for") != text.npos) text = "XYZ above 100 for 10s";
        text += one_of({"", " repeat rearm 0.5% cooldown 10s"});
        if (below(2) == 0)
            text += " starts " + std::to_string((now_ - beginning) / seconds{1} + 1 + below(90));
        if (below(4) == 0)
            text += " expires " + std::to_string((now_ - beginning) / seconds{1} + 100 + below(90));
        log_ += std::to_string(number_ + 1) + ": " + text + " @" + alert::text(now_) + "\n";
        const ActiveAlert alert = ruled_alert_of(text, now_, ++number_);
        both([&](RuleEngine& engine) { engine.add(alert, {}); });
    }
    void event(bool is_unpriced) {
        const Ticker ticker = is_unpriced || below(2) == 0 ? "BTC" : "XYZ";
        const auto what = below(20);
        if (what < 12) {
            now_ += Duration{1 + below(2'000'000)};
            price(ticker, now_);
        } else if (what < 15) {
            price(ticker, now_ - Duration{below(8'000'000)});
        } else if (what < 16 && !recent_.of(ticker).empty()) {
            now_ += seconds{1};
            const PriceGone gone{ticker, now_};
            recent_.add(gone, now_);
            log_ += std::string(ticker.view()) + " gone @" + alert::text(now_) + "\n";
            both([&](RuleEngine& engine) { engine.on_gone(gone); });
        } else {
            const Timestamp until = now_ - Duration{below(2'000'000)};
            log_ += "time " + alert::text(until) + "\n";
            both([&](RuleEngine& engine) { engine.on_time(until); });
            both([&](RuleEngine& engine) { engine.expire(until - seconds{3}); });
        }
    }
    void price(Ticker ticker, Timestamp at) {
        const Price price{ticker, Decimal::from_int(static_cast<std::int64_t>(97 + below(7))), at,
                          ++sequence_};
        log_ += std::string(ticker.view()) + " " + price.value.to_string() + " @" + alert::text(at) + "\n";
        if (recent_.add(price, now_)) {
            both([&](RuleEngine& engine) { engine.on_late(ticker, at); });
        } else {
            both([&](RuleEngine& engine) { engine.on_price(price); });
        }
    }
    template <typename F>
    void both(F&& f) {
        f(naive_);
        f(*indexed_);
    }

    std::mt19937_64 rng_;
    Timestamp now_ = beginning;
    std::uint64_t sequence_ = 0;
    std::uint8_t number_ = 0;
    std::string log_;
    std::vector<std::string> expected_, found_;
    RecentPrices recent_;
    LiveAlerts naive_{recent_, [this](RuleStep step) { expected_.push_back(alert::text(step)); }};
    std::unique_ptr<RuleEngine> indexed_ =
        create_rule_engine(recent_, [this](RuleStep step) { found_.push_back(alert::text(step)); });
};

TEST(IndexedEngineWaiting, DoesWhatOneRunForEachAlertDoes) {
    std::size_t steps = 0;
    for (unsigned seed = 1; seed <= 200 && !HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        TwoEngines both(seed);
        both.play();
        steps += both.steps;
    }
    EXPECT_GT(steps, 2000U);
}

}  // namespace
}  // namespace pricewire::alert
