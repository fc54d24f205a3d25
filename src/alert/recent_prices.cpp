#include "alert/recent_prices.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pricewire::alert {

std::optional<Timestamp> RecentPrices::add(Price price, Timestamp now) {
    price.time = std::min(price.time, now);
    return insert(by_ticker_[price.ticker], {price.time, price, false}, now);
}

std::optional<Timestamp> RecentPrices::add(const PriceGone& gone, Timestamp now) {
    const auto found = by_ticker_.find(gone.ticker);
    if (found == by_ticker_.end()) return std::nullopt;
    return insert(found->second, {std::min(gone.time, now), std::nullopt, false}, now);
}

std::vector<RecentPrices::Gap> RecentPrices::add_blind(Timestamp since, Timestamp now) {
    std::vector<Gap> gaps;
    for (auto& [ticker, line] : by_ticker_) {
        const auto after = std::ranges::upper_bound(line.entries, since + heard_every, {}, &Entry::time);
        if (after == line.entries.begin() || !std::prev(after)->price) continue;
        const Timestamp time = std::max(since, std::prev(after)->time);
        const bool is_newest = after == line.entries.end();
        insert(line, {time, std::nullopt, true}, now);
        gaps.push_back({{ticker, time}, is_newest});
    }
    return gaps;
}

std::optional<Price> RecentPrices::first_since(const ActiveAlert& alert, Timestamp since) const {
    const auto found = by_ticker_.find(alert.ticker);
    if (found == by_ticker_.end()) return std::nullopt;
    const auto& entries = found->second.entries;
    // Back to the price in effect at `since`.
    std::size_t first = entries.size() - 1;
    while (first > 0 && (entries[first].time > since || entries[first].is_blind)) --first;
    for (std::size_t i = first; i < entries.size(); ++i) {
        const auto& price = entries[i].price;
        if (price && holds(alert.condition, price->value, alert.target)) return price;
    }
    return std::nullopt;
}

bool RecentPrices::is_repetition(Ticker ticker, Timestamp time) const {
    const auto& entries = of(ticker);
    const auto after = std::ranges::upper_bound(entries, time, {}, &Entry::time);
    if (std::distance(entries.begin(), after) < 2) return false;
    const auto &added = std::prev(after)->price, &before = std::prev(after, 2)->price;
    return added && before && added->value == before->value;
}

std::optional<Timestamp> RecentPrices::reach(Ticker ticker) const {
    const auto found = by_ticker_.find(ticker);
    if (found == by_ticker_.end() || found->second.entries.empty()) return std::nullopt;
    return reach(found->second);
}

Timestamp RecentPrices::reach(const Line& line) {
    const Timestamp oldest = line.entries.back().time - longest;
    return line.forgot ? std::max(oldest, line.entries.front().time) : oldest;
}

const std::deque<RecentPrices::Entry>& RecentPrices::of(Ticker ticker) const {
    static const std::deque<Entry> none;
    const auto found = by_ticker_.find(ticker);
    return found == by_ticker_.end() ? none : found->second.entries;
}

std::optional<Timestamp> RecentPrices::insert(Line& line, Entry entry, Timestamp now) {
    entry.arrival = ++arrived_;
    auto& entries = line.entries;
    for (auto last = entries.rbegin(); last != entries.rend() && last->time > now; ++last) last->time = now;
    auto place = entries.end();
    while (place != entries.begin() && std::prev(place)->time > entry.time) --place;
    std::optional<Timestamp> ceased;
    if (place != entries.end()) {
        if (entry.time < reach(line)) return entry.time;
        ceased = place->time;
    }
    entries.insert(place, std::move(entry));
    const std::size_t most = std::max(least, most_in_all / by_ticker_.size());
    const auto is_over = [&] {
        return entries.size() > 1 && entries[1].time <= entries.back().time - longest - margin;
    };
    while (entries.size() > most || is_over()) {
        entries.pop_front();
        line.forgot = true;
    }
    return ceased;
}

}  // namespace pricewire::alert
