#include "domain/bars.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace pricewire::inline domain {

namespace {

constexpr Duration week = std::chrono::weeks{1};
constexpr Duration first_monday = std::chrono::days{4};  // 1970-01-05

std::optional<Decimal> sum(std::optional<Decimal> a, std::optional<Decimal> b) {
    if (!a || !b) return a ? a : b;
    return *a + *b;
}

void widen(Bar& bar, const Bar& other) {
    bar.high = std::max(bar.high, other.high);
    bar.low = std::min(bar.low, other.low);
    bar.is_history |= other.is_history;
}

}  // namespace

Timestamp interval_start(Timestamp moment, Duration interval) {
    const Duration origin = interval % week == Duration::zero() ? first_monday : Duration::zero();
    const Duration since = moment.time_since_epoch() - origin;
    Duration within = since % interval;
    if (within < Duration::zero()) within += interval;
    return moment - within;
}

Timestamp next_interval_start(Timestamp moment, Duration interval) {
    if (moment < Timestamp::min() + interval || moment > Timestamp::max() - interval) return moment;
    const Timestamp start = interval_start(moment, interval);
    return start == moment ? start : start + interval;
}

void append(Bar& bar, const Bar& later) {
    widen(bar, later);
    bar.close = later.close;
    bar.volume = sum(bar.volume, later.volume);
}

bool BarsBackwards::add(const Bar& part) {
    const Timestamp start = interval_start(part.start, interval_);
    Bar earlier = part;
    earlier.start = start;
    if (!bars_.empty() && bars_.back().start == start) {
        append(earlier, bars_.back());
        bars_.back() = earlier;
        return true;
    }
    if (bars_.size() == limit_) return false;
    bars_.push_back(earlier);
    return true;
}

std::vector<Bar> BarsBackwards::take() && {
    std::reverse(bars_.begin(), bars_.end());
    return std::move(bars_);
}

HourBar hour_of(const Bar& minute) {
    HourBar hour{minute, minute.start, minute.start};
    hour.bar.start = interval_start(minute.start, std::chrono::hours{1});
    return hour;
}

HourBar hour_of_candle(const Bar& candle) {
    return {candle, candle.start, candle.start + std::chrono::minutes{59}, true};
}

void merge(HourBar& hour, const HourBar& other) {
    widen(hour.bar, other.bar);
    if (hour.is_candle && !other.is_candle) return;
    const bool is_whole = other.is_candle;
    if (is_whole || other.first <= hour.first) hour.bar.open = other.bar.open;
    if (is_whole || other.last >= hour.last) hour.bar.close = other.bar.close;
    hour.bar.volume = other.bar.volume ? other.bar.volume : is_whole ? std::nullopt : hour.bar.volume;
    hour.first = is_whole ? other.first : std::min(hour.first, other.first);
    hour.last = is_whole ? other.last : std::max(hour.last, other.last);
    hour.is_candle |= is_whole;
}

std::vector<HourBar> hours_of(std::span<const Bar> minutes) {
    std::map<std::pair<Ticker, Timestamp>, HourBar> hours;
    for (const Bar& minute : minutes) {
        const HourBar part = hour_of(minute);
        const auto [at, is_new] = hours.try_emplace({part.bar.ticker, part.bar.start}, part);
        if (is_new) continue;
        const auto volume = sum(at->second.bar.volume, minute.volume);
        merge(at->second, part);
        at->second.bar.volume = volume;
    }
    std::vector<HourBar> out;
    for (const auto& [key, hour] : hours) out.push_back(hour);
    return out;
}

std::vector<Bar> with_candles(std::vector<Bar> days, std::span<const Bar> candles) {
    std::map<Timestamp, Bar> out;
    for (const Bar& day : days) out.emplace(day.start, day);
    for (const Bar& candle : candles) {
        const auto [at, is_new] = out.try_emplace(candle.start, candle);
        if (is_new) continue;
        Bar whole = candle;
        widen(whole, at->second);
        at->second = whole;
    }
    days.clear();
    for (const auto& [start, day] : out) days.push_back(day);
    return days;
}

std::vector<Bar> minutes_to_fill(std::span<const Bar> stored, std::span<const Bar> history) {
    std::map<Timestamp, const Bar*> by_start;
    for (const Bar& bar : stored) by_start.emplace(bar.start, &bar);
    const auto is_live = [&](Timestamp start) {
        const auto found = by_start.find(start);
        return found != by_start.end() && !found->second->is_history;
    };
    std::vector<Bar> out;
    for (const Bar& past : history) {
        const auto found = by_start.find(past.start);
        if (found == by_start.end()) {
            out.push_back(past);
            continue;
        }
        Bar bar = *found->second;
        if (!bar.volume) bar.volume = past.volume;
        const bool starts = is_live(past.start) && !is_live(past.start - std::chrono::minutes{1});
        const bool ends = is_live(past.start) && !is_live(past.start + std::chrono::minutes{1});
        if (starts) bar.open = past.open;
        if (ends) bar.close = past.close;
        if (starts || ends) {
            bar.high = std::max(bar.high, past.high);
            bar.low = std::min(bar.low, past.low);
        }
        if (bar != *found->second) out.push_back(bar);
    }
    return out;
}

}  // namespace pricewire::inline domain
