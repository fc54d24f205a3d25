#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "domain/market.hpp"
#include "rule/run.hpp"
#include "rule/simulate.hpp"

namespace pricewire::rule::detail {

// All tickers that terms watch; whether of each only closes are looked at, since only ratios watch it.
std::map<Ticker, bool> watched_tickers(const Terms& terms);
// How far before a moment prices decide about it, at most.
Duration looked_back(const Terms& terms);

// Gives Runs minutes as prices, of several tickers in order of time. A minute that has no bar has no price.
class MinutePlayer {
public:
    enum class First : std::uint8_t { low, high };

    explicit MinutePlayer(const Terms& terms) : tickers_(watched_tickers(terms)) {}

    // Bars of one minute, at most one a ticker, later than all before.
    template <typename After>
    void play(const std::vector<Bar>& bars, First first, Run& run, Steps& steps, After&& after);
    void play(const std::vector<Bar>& bars, First first, Run& run, Steps& steps) {
        play(bars, first, run, steps, [] {});
    }
    // What is known of an hour in which nothing can happen.
    void play_hour(const Bar& hour, Run& run, Steps& steps);
    void end(Timestamp time, Run& run, Steps& steps);

private:
    void end_gone(Timestamp time, Run& run, Steps& steps);

    std::map<Ticker, bool> tickers_;
    std::map<Ticker, Timestamp> known_until_;  // of those with a price
};

constexpr Duration minute = std::chrono::minutes{1};
constexpr Duration hour = std::chrono::hours{1};

// Open, low, high, close; or open, high, low, close.
inline std::array<Decimal, 4> prices_of(const Bar& bar, MinutePlayer::First first) {
    if (first == MinutePlayer::First::low) return {bar.open, bar.low, bar.high, bar.close};
    return {bar.open, bar.high, bar.low, bar.close};
}

template <typename After>
void MinutePlayer::play(const std::vector<Bar>& bars, First first, Run& run, Steps& steps, After&& after) {
    if (bars.empty()) return;
    const Timestamp start = bars.front().start;
    end_gone(start, run, steps);
    for (std::size_t k = 0; k < 4; ++k) {
        const Timestamp time = start + std::chrono::seconds{15 * k};
        for (const Bar& bar : bars) {
            const auto found = tickers_.find(bar.ticker);
            if (found == tickers_.end() || (found->second && k != 3)) continue;
            run.value(bar.ticker, time, prices_of(bar, first)[k], steps);
            after();
        }
    }
    for (const Bar& bar : bars) known_until_[bar.ticker] = start + minute;
}

// The bars of several tickers that start within [from, to), minute by minute. Holds those of minutes_held at a time.
class Minutes {
public:
    // Refers to `past`.
    Minutes(std::vector<Ticker> tickers, Timestamp from, Timestamp to, const Past& past)
        : tickers_(std::move(tickers)), read_until_(from), to_(to), past_(past) {}
    // Before all: of each ticker the last minute before `from`.
    void add_last_before() { begins_earlier_ = true; }
    // Of the next minute; empty: there is none, or it was stopped.
    const std::vector<Bar>& next();
    bool was_stopped() const { return was_stopped_; }

private:
    bool read();

    const std::vector<Ticker> tickers_;
    Timestamp read_until_;
    const Timestamp to_;
    const Past& past_;
    std::vector<Bar> bars_;  // by time, then by ticker
    std::size_t at_ = 0;
    std::vector<Bar> minute_;
    bool begins_earlier_ = false, was_stopped_ = false;
};

}  // namespace pricewire::rule::detail
