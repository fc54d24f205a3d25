#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <ranges>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "domain/bars.hpp"
#include "storage/sql/rows.hpp"

// How bars are stored and read, by the named queries of either database.
namespace pricewire::storage::sql {

// Newest first.
template <typename Connection>
std::vector<Bar> stored_bars(Connection& db, const char* query, Ticker ticker, Timestamp from, Timestamp to,
                             std::size_t limit) {
    return db.all([&](const auto& row) { return read_bar(row, ticker); }, query, ticker.view(), from, to,
                  limit);
}

template <typename Connection>
std::vector<Bar> read_bars(Connection& db, Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                           std::size_t limit) {
    using namespace std::chrono_literals;
    const auto parts = [&](Duration part) { return static_cast<std::size_t>(interval / part) * limit; };
    from = next_interval_start(from, interval);
    to = next_interval_start(to, interval);
    const Duration longest = std::min<Duration>(interval, 24h);
    BarsBackwards made(longest, parts(longest));
    const bool of_hours = interval % 1h == Duration::zero();
    for (const Bar& bar :
         stored_bars(db, of_hours ? "hour_bars" : "bars", ticker, from, to, parts(of_hours ? 1h : 1min))) {
        if (!made.add(bar)) break;
    }
    std::vector<Bar> bars = std::move(made).take();
    if (interval < 24h) return bars;
    std::vector<Bar> candles = stored_bars(db, "day_bars", ticker, from, to, parts(24h));
    std::ranges::reverse(candles);
    bars = with_candles(std::move(bars), candles);
    BarsBackwards whole(interval, limit);
    for (const Bar& day : bars | std::views::reverse) {
        if (!whole.add(day)) break;
    }
    return std::move(whole).take();
}

// Stores minutes of history; returns the hours that they change, which are made of all of their minutes, so that they
// have the volume of all.
template <typename Connection>
std::vector<HourBar> add_minutes(Connection& db, Ticker ticker, std::span<const Bar> history) {
    using namespace std::chrono_literals;
    const Timestamp from = interval_start(history.front().start, 1h) - 1min;
    const Timestamp to = interval_start(history.back().start, 1h) + 1h + 1min;
    constexpr std::size_t all = 1'000'000;
    std::vector<Bar> stored = stored_bars(db, "bars", ticker, from, to, all);
    std::ranges::reverse(stored);
    const std::vector<Bar> changed = minutes_to_fill(stored, history);
    db.change_each("bar_set", changed, [](const Bar& b) {
        return std::tuple(b.ticker.view(), b.start, b.open, b.high, b.low, b.close, b.volume, origin_of(b));
    });
    std::map<Timestamp, Bar> minutes;
    std::set<Timestamp> hours;
    for (const Bar& bar : stored) minutes.emplace(bar.start, bar);
    for (const Bar& bar : changed) {
        minutes.insert_or_assign(bar.start, bar);
        hours.insert(interval_start(bar.start, 1h));
    }
    std::vector<Bar> parts;
    for (const auto& [start, bar] : minutes) {
        if (hours.contains(interval_start(start, 1h))) parts.push_back(bar);
    }
    return hours_of(parts);
}

// Stores history of 1 minute, 1 hour or 1 day, oldest first and not empty; returns the hours to be merged.
template <typename Connection>
std::vector<HourBar> add_bars(Connection& db, Ticker ticker, Duration interval,
                              std::span<const Bar> history) {
    if (interval == std::chrono::minutes{1}) return add_minutes(db, ticker, history);
    std::vector<HourBar> hours;
    if (interval == std::chrono::hours{1}) {
        for (const Bar& bar : history) hours.push_back(hour_of_candle(bar));
        return hours;
    }
    db.change_each("day_bar_set", history, [](const Bar& b) {
        return std::tuple(b.ticker.view(), b.start, b.open, b.high, b.low, b.close, b.volume);
    });
    return hours;
}

}  // namespace pricewire::storage::sql
