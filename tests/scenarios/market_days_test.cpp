// Bad days of the market (tests/data/bad_days) as the real programs meet them: several at once, each with a
// ticker of its own, played by the simulator in the venues' own protocols. The price stays with the truth, no
// alert beyond what the truth has seen fires, and every alert that the truth has crossed does.
// PRICEWIRE_LONG=1: whole days; otherwise their first minute and a half.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <thread>

#include "fakes/bad_day.hpp"
#include "scenarios/all_venues.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Days by ticker that fit into one market: the same venues and rates of the dollar coins.
using Days = std::map<std::string, std::string>;
const Days one_venues_own{{"BTC", "one-venue-87-percent"},
                          {"DOGE", "factor-of-a-million"},
                          {"ETH", "flash-crash"},
                          {"SOL", "stuck-venue"},
                          {"BNB", "minute-behind"}};
const Days many_venues{{"BTC", "half-away"}, {"ETH", "clocks-off"}, {"SOL", "at-the-edge"}};
const Days depeg{{"BTC", "usdt-at-095"}};

bool is_long() {
    return std::getenv("PRICEWIRE_LONG") != nullptr;
}

// From a trade's time to our look at the price, on a busy machine.
constexpr Duration slack = 3s;

bad_days::Day read_day(const std::string& name) {
    return bad_days::read(std::filesystem::path(PRICEWIRE_SOURCE_DIR) / "tests/data/bad_days" /
                          (name + ".txt"));
}

class MarketDays : public ::testing::TestWithParam<Side> {
protected:
    struct Watched {
        bad_days::Day day;
        std::set<std::string> must_fire;  // alerts
        std::set<std::string> must_not;
        double worst_bp = 0;
        int looked = 0;
    };

    // What the simulator plays: "at_ms,venue,symbol,price,age_ms,again" lines.
    void write_tape(const std::filesystem::path& file) {
        std::vector<std::string> lines;
        std::vector<std::pair<Duration, std::string>> trades;
        bool has_coins = false;
        std::uint64_t seed = 0;
        for (auto& [ticker, watched] : watched_) {
            std::map<std::pair<std::string, std::string>, std::uint64_t> last_id;
            for (const Quote& quote : bad_days::quotes_of(watched.day, {}, ++seed)) {
                const std::string asked(quote.ticker.view());
                const bool is_coin = asked != watched.day.ticker;
                if ((is_coin && has_coins) || quote.kind == SourceKind::aggregator) continue;
                const std::string source(quote.source.view());
                const bool again =
                    std::exchange(last_id[{source, asked}], *quote.trade_id) == *quote.trade_id;
                const auto ms = [](Duration d) { return d / 1ms; };
                trades.emplace_back(
                    quote.received_at.time_since_epoch(),
                    fmt::format("{},{},{}USDT,{},{},{}", ms(quote.received_at.time_since_epoch()), source,
                                is_coin ? asked : ticker, quote.price.to_string(),
                                ms(quote.received_at - quote.time), again ? 1 : 0));
                sources_.insert(source);
            }
            has_coins = true;
        }
        std::ranges::sort(trades);
        std::ofstream out(file);
        out << "at_ms,venue,symbol,price,age_ms,again\n";
        for (const auto& [at, line] : trades) out << line << '\n';
    }

    void create_alerts(Watched& watched, const std::string& ticker) {
        const double start = watched.day.truth.at(begun_);
        const auto [low, high] = watched.day.truth.range({}, length_);
        const double margin = std::max(0.01, 3 * watched.day.within_bp / 1e4);
        const auto alert = [&](const char* condition, double level) {
            return all_->deployment().create_alert(all_->account(), ticker, condition,
                                                   fmt::format("{:.6f}", level));
        };
        watched.must_not.insert(alert("gt", high * (1 + margin)));
        watched.must_not.insert(alert("lt", low * (1 - margin)));
        for (const double part : {0.2, 0.5, 0.8}) {
            if (high / start > 1.01) watched.must_fire.insert(alert("gt", start + (high - start) * part));
            if (low / start < 0.99) watched.must_fire.insert(alert("lt", start + (low - start) * part));
        }
    }

    void play(const Days& days);

    void look(Watched& watched, const std::string& ticker) {
        const Duration before = elapsed();
        const auto shown = all_->rate(ticker);
        const auto price = json_member(shown.body, "price");
        if (shown.status != 200 || !price) {
            EXPECT_TRUE(watched.day.gaps_allowed) << ticker << ": " << shown.body;
            return;
        }
        ++watched.looked;
        const auto [low, high] = watched.day.truth.range(std::max(before - slack, Duration{}), elapsed());
        const double value = std::stod(*price);
        const double away = std::max({0.0, (low - value) / low, (value - high) / high}) * 1e4;
        watched.worst_bp = std::max(watched.worst_bp, away);
        EXPECT_LE(away, watched.day.within_bp) << ticker << " from " << low << " to " << high << " after "
                                               << before / 1ms << " ms: " << shown.body;
    }

    Duration elapsed() const { return std::chrono::duration_cast<Duration>(Clock::now() - start_); }

    TempDir dir_;
    std::map<std::string, Watched> watched_;
    std::set<std::string> sources_;
    Duration length_ = 90s;
    Duration begun_{};
    Clock::time_point start_;
    std::optional<AllVenues> all_;
};

void MarketDays::play(const Days& days) {
    std::string tickers;
    for (const auto& [ticker, name] : days) {
        watched_[ticker].day = read_day(name);
        if (is_long()) length_ = std::max(length_, watched_[ticker].day.length);
        tickers += (tickers.empty() ? "" : ",") + ticker;
    }
    const auto tape = dir_.path() / "days.trades";
    write_tape(tape);
    std::map<std::string, std::string> config{{"PRICEWIRE_MARKET_TICKERS", tickers}};
    for (const sim::SimVenue* venue : sim::sim_venues()) {
        if (!sources_.contains(std::string(venue->name)))
            config["PRICEWIRE_SOURCES_" + upper_case(venue->name) + "_ENABLED"] = "false";
    }
    all_.emplace(GetParam(), std::vector<std::string>{"--market", tape.string(), "--paused", "--no-coins"},
                 config);
    all_->deployment().wait_until("all streams", [&] {
        return json_member(all_->sim_status(), "clients") == std::to_string(sources_.size());
    });
    start_ = Clock::now();
    all_->deployment().sim_post("play");
    for (auto& [ticker, watched] : watched_) {
        all_->deployment().wait_until("a price of " + ticker,
                                      [&] { return all_->rate(ticker).status == 200; });
    }
    begun_ = elapsed();
    ASSERT_LT(begun_, 15s)
        << "the days' troubles have begun without alerts: the machine is too slow for this test";
    for (auto& [ticker, watched] : watched_) create_alerts(watched, ticker);
    while (elapsed() < length_ && !HasFailure()) {
        for (auto& [ticker, watched] : watched_) {
            if (elapsed() < watched.day.length) look(watched, ticker);
        }
        std::this_thread::sleep_for(200ms);
    }
    std::set<std::string> expected;
    for (auto& [ticker, watched] : watched_) {
        expected.insert(watched.must_fire.begin(), watched.must_fire.end());
        std::cout << ticker << ": " << watched.looked << " prices, at worst "
                  << fmt::format("{:.1f}", watched.worst_bp) << " bp from the truth; "
                  << watched.must_fire.size() << " levels crossed\n";
        EXPECT_GT(watched.looked, 0) << ticker;
    }
    EXPECT_FALSE(expected.empty());
    std::set<std::string> fired;
    all_->deployment().wait_until("every alert that was crossed", [&] {
        for (const Received& received : all_->deployment().received()) fired.insert(received.alert_id);
        return std::ranges::includes(fired, expected);
    });
    EXPECT_EQ(fired, expected) << "and no other";
}

TEST_P(MarketDays, WhatIsOneVenuesOwnMovesNoPrice) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    play(one_venues_own);
}

TEST_P(MarketDays, HalfOfTheVenuesCanBeAwayAndClocksOff) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    if (!is_long()) GTEST_SKIP() << "PRICEWIRE_LONG is not set";
    play(many_venues);
}

TEST_P(MarketDays, ADollarCoinThatLosesItsDollarFiresNothingOfItsOwn) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    if (!is_long()) GTEST_SKIP() << "PRICEWIRE_LONG is not set";
    play(depeg);
}

INSTANTIATE_TEST_SUITE_P(Sides, MarketDays, both_sides(), name_of_side);

}  // namespace
}  // namespace pricewire::test
