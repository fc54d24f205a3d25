// A crash day of real minute bars, most of which nobody watches: the process is killed at random moments for minutes or
// hours. Every level that the market got through fires once, with its minute right, and no other: compared with brute
// force over the tape. PRICEWIRE_LONG=1: a whole day, on both sides; otherwise a few hours.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "scenarios/market_world.hpp"
#include "sim/tape.hpp"
#include "support/minute_bars.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

bool is_long() {
    return std::getenv("PRICEWIRE_LONG") != nullptr;
}

// The hours in which a ticker's price moved most, as a file that the simulator plays.
void cut_out(const std::vector<support::MinuteBar>& bars, std::size_t minutes,
             const std::filesystem::path& file) {
    std::size_t best = 0;
    double most = 0;
    for (std::size_t from = 0; from + minutes <= bars.size(); from += 30) {
        double low = 1e18;
        double high = 0;
        for (std::size_t i = from; i < from + minutes; ++i) {
            low = std::min(low, bars[i].low.to_double());
            high = std::max(high, bars[i].high.to_double());
        }
        if (high / low <= most) continue;
        most = high / low;
        best = from;
    }
    std::ofstream out(file);
    out << "timestamp,open,high,low,close,volume\n";
    for (std::size_t i = best; i < best + minutes; ++i) {
        out << i;
        for (const Decimal price : {bars[i].open, bars[i].high, bars[i].low, bars[i].close})
            out << ',' << price.to_string();
        out << ",1\n";
    }
}

class CrashDay : public ::testing::TestWithParam<Side> {
protected:
    struct Level {
        std::string ticker;
        bool is_above;
        Decimal level;
        Timestamp since;  // when it was made
    };

    void play(std::uint64_t seed, Duration length, int gaps);

    // The first trade beyond the level after it was made; nullopt: none until `until`.
    std::optional<Timestamp> crossed(const Level& level, Timestamp until) const {
        for (const auto& [at, price] : tape_.at(level.ticker)) {
            const Timestamp time = begin_ + at;
            if (time > until) break;
            if (time >= level.since && (level.is_above ? price > level.level : price < level.level))
                return time;
        }
        return std::nullopt;
    }
    Decimal price_at(const std::string& ticker, Timestamp time) const {
        Decimal last;
        for (const auto& [at, price] : tape_.at(ticker)) {
            if (begin_ + at > time) break;
            last = price;
        }
        return last;
    }
    void make_alerts(std::mt19937_64& rng);
    void wait_until_watched();
    void wait_for_what_was_crossed();
    void compare();

    std::map<std::string, std::vector<std::pair<Duration, Decimal>>> tape_;
    std::map<std::string, Level> levels_;  // by alert
    Timestamp begin_;                      // of the tape
    TempDir dir_;
    std::optional<MarketWorld> world_;
};
INSTANTIATE_TEST_SUITE_P(Sides, CrashDay, both_sides(), name_of_side);

// Levels on both sides of the present price, some of which the market will reach.
void CrashDay::make_alerts(std::mt19937_64& rng) {
    for (const auto& [ticker, trades] : tape_) {
        for (int i = 0; i < 6; ++i) {
            const double away = std::uniform_real_distribution<double>(0.002, 0.06)(rng);
            const bool is_above = i % 2 == 0;
            const Timestamp now = world_->market_clock();
            const Decimal level =
                sim::to_price(price_at(ticker, now).to_double() * (is_above ? 1 + away : 1 - away));
            const std::string id = world_->alert(ticker, is_above ? "gt" : "lt", level.to_string());
            levels_[id] = {ticker, is_above, level, now};
        }
    }
}

void CrashDay::wait_until_watched() {
    for (const auto& [ticker, trades] : tape_) {
        world_->wait_for_streams(ticker);
        world_->wait_for_price(ticker);
    }
}

void CrashDay::wait_for_what_was_crossed() {
    // What is crossed at this moment is on its way.
    const Timestamp until = world_->market_clock() - 5s;
    for (const auto& [id, level] : levels_) {
        if (!crossed(level, until)) continue;
        try {
            world_->deployment().wait_until("what was crossed", [&] { return !world_->is_active(id); });
        } catch (const std::runtime_error& e) {
            FAIL() << level.ticker << (level.is_above ? " above " : " below ") << level.level.to_string()
                   << ", made at " << format_rfc3339(level.since) << " and crossed at "
                   << format_rfc3339(*crossed(level, until)) << ", has not fired\n"
                   << e.what();
        }
    }
}

void CrashDay::compare() {
    const Timestamp now = world_->market_clock();
    world_->deployment().sim_post("pause");  // or levels would be crossed while they are compared
    int fired = 0;
    int late = 0;
    for (const auto& [id, level] : levels_) {
        // What is crossed at this moment, or was until the market paused, may be on its way.
        const auto expected = crossed(level, now + 10s);
        if (expected && *expected > now - 10s) continue;
        const std::string what =
            fmt::format("{} {} {} made at {}", level.ticker, level.is_above ? "above" : "below",
                        level.level.to_string(), format_rfc3339(level.since));
        if (expected) world_->wait_for_webhook(what, id);
        const std::string shown = world_->shown(id);
        EXPECT_EQ(json_member(shown, "is_active") == "true", !expected) << what << ": " << shown;
        EXPECT_EQ(world_->webhooks(id), expected ? 1 : 0) << what;
        if (!expected) continue;
        ++fired;
        const auto occurred = MarketWorld::occurred(shown);
        if (!occurred) continue;
        ++late;
        EXPECT_LE(occurred->first, *expected + 1s) << what << ": " << shown;
        EXPECT_GE(occurred->second, *expected - 1s) << what << ": " << shown;
        EXPECT_LE(occurred->second - occurred->first, 1min) << what << ": " << shown;
    }
    std::cout << levels_.size() << " levels: " << fired << " were crossed, " << late
              << " of them unwatched\n";
    EXPECT_GT(late, 0);
    EXPECT_TRUE(world_->keeps_limits()) << world_->violations();
}

void CrashDay::play(std::uint64_t seed, Duration length, int gaps) {
    if (!can_run(GetParam())) GTEST_SKIP() << why_not_run;
    const std::vector<std::string> tickers{"ETH", "DOGE", "SOL"};
    if (support::recorded_minutes(tickers.front()).empty()) GTEST_SKIP() << support::why_no_recordings;
    std::cout << "seed " << seed << '\n';
    std::mt19937_64 rng(seed);
    std::string market;
    for (const std::string& ticker : tickers) {
        const auto file = dir_.path() / (ticker + "USDT-day.csv");
        cut_out(support::recorded_minutes(ticker), static_cast<std::size_t>(length / 1min) + 60, file);
        market += (market.empty() ? "" : ",") + file.string();
        const auto tape = sim::open_bars(file, ticker + "USDT", 5);
        for (auto trade = tape->next(); trade; trade = tape->next())
            tape_[ticker].emplace_back(trade->at, trade->price);
    }
    world_.emplace(GetParam(),
                   MarketWorld::Options{.sim = {"--market", market, "--paused"}, .tickers = "ETH,DOGE,SOL"});
    world_->start();
    world_->deployment().wait_until("all streams", [&] {
        return json_member(world_->status(), "clients") == std::to_string(world_->venues().size());
    });
    begin_ = world_->market_clock();
    world_->deployment().sim_post("play");
    wait_until_watched();
    for (int gap = 0; gap < gaps && !HasFailure(); ++gap) {
        make_alerts(rng);
        const Duration most = length / gaps;
        const Duration missed =
            std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>(100'000, most / 1ms)(rng)};
        const std::string thin = world_->venues()[rng() % world_->venues().size()];
        world_->deployment().kill_pricewire();
        world_->deployment().pass(missed / 2);
        // One venue's own adventure.
        for (const std::string& ticker : tickers) world_->trade(ticker, "1000000", thin);
        world_->deployment().pass(missed - missed / 2);
        world_->start();
        wait_until_watched();
        wait_for_what_was_crossed();
    }
    if (!HasFailure()) compare();
}

TEST_P(CrashDay, FiresWhatTheMarketGotThroughAndNothingElse) {
    if (GetParam() == Side::cluster && !is_long()) GTEST_SKIP() << "PRICEWIRE_LONG is not set";
    const char* seed = std::getenv("PRICEWIRE_SEED");
    play(seed != nullptr ? std::stoull(seed) : 20250621, is_long() ? 24h : 6h, is_long() ? 24 : 4);
}

}  // namespace
}  // namespace pricewire::test
