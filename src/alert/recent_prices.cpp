#include "alert/recent_prices.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pricewire::alert {
namespace {

constexpr std::size_t few = 64;  // up to this many prices are searched one by one

}  // namespace

RecentPrices::Line& RecentPrices::line_of(const Ticker& ticker) {
    const auto found = by_ticker_.find(ticker);
    if (found != by_ticker_.end()) return found->second;
    Line& made = by_ticker_[ticker];
    most_ = std::max(least, most_in_all / by_ticker_.size());
    return made;
}

std::optional<Timestamp> RecentPrices::add(const Price& price, Timestamp now) {
    const Timestamp time = std::min(price.time, now);
    Line& line = line_of(price.ticker);
    Entries& entries = line.entries;
    if (!entries.empty() && entries.back().time > time) {
        return insert(line, {.number = price.value, .time = time, .made = time, .sequence = price.sequence},
                      now);
    }
    // The newest: member by member, so that nothing just written is read in larger pieces.
    Entry& entry = entries.add();
    ++kept_;
    entry.number = price.value;
    entry.time = entry.made = time;
    entry.sequence = price.sequence;
    entry.arrival = ++arrived_;
    entry.is_gone = entry.is_blind = false;
    trim(line);
    return std::nullopt;
}

std::optional<Timestamp> RecentPrices::add(const PriceGone& gone, Timestamp now) {
    const auto found = by_ticker_.find(gone.ticker);
    if (found == by_ticker_.end()) return std::nullopt;
    return insert(found->second, {.time = std::min(gone.time, now), .is_gone = true}, now);
}

std::vector<RecentPrices::Gap> RecentPrices::add_blind(Timestamp since, Timestamp now) {
    // In one order, in which they are told as well.
    std::vector<Ticker> tickers;
    for (const auto& [ticker, line] : by_ticker_) tickers.push_back(ticker);
    std::ranges::sort(tickers);
    std::vector<Gap> gaps;
    for (const Ticker& ticker : tickers) {
        Line& line = by_ticker_.find(ticker)->second;
        const auto after = std::ranges::upper_bound(line.entries, since + heard_every, {}, &Entry::time);
        if (after == line.entries.begin() || std::prev(after)->is_gone) continue;
        const Timestamp time = std::max(since, std::prev(after)->time);
        const bool is_newest = after == line.entries.end();
        insert(line, {.time = time, .is_gone = true, .is_blind = true}, now);
        gaps.push_back({{ticker, time}, is_newest});
    }
    return gaps;
}

void RecentPrices::begin_blind(const Ticker& ticker, Timestamp since) {
    blind_.try_emplace(ticker, since);
}

std::optional<Timestamp> RecentPrices::blind_before(const Ticker& ticker) const {
    const auto since = blind_.find(ticker);
    if (since == blind_.end() || forgot_before(ticker)) return std::nullopt;
    const auto& entries = of(ticker);
    if (!entries.empty() && entries.front().time <= since->second) return std::nullopt;
    return since->second;
}

std::optional<Price> RecentPrices::first_since(const ActiveAlert& alert, Timestamp since) {
    const auto found = by_ticker_.find(alert.ticker);
    if (found == by_ticker_.end()) return std::nullopt;
    Line& line = found->second;
    const auto& entries = line.entries;
    // Back to the price in effect at `since`. Most alerts that are taken over are older than all that is kept.
    std::size_t first = 0;
    if (entries.front().time <= since) {
        const auto after = std::ranges::upper_bound(entries, since, {}, &Entry::time);
        first = static_cast<std::size_t>(after - entries.begin()) - 1;
    }
    while (first > 0 && entries[first].is_blind) --first;
    const auto find_among = [&](std::size_t from, std::size_t to) -> std::optional<Price> {
        for (std::size_t i = from; i < to; ++i) {
            ++looked_at_;
            const Entry& entry = entries[i];
            if (!entry.is_gone && holds(alert.condition, entry.number, alert.target))
                return entry.price(alert.ticker);
        }
        return std::nullopt;
    };
    if (entries.size() - first <= few) return find_among(first, entries.size());

    const Extremes::Place end = line.first + entries.size();
    line.extremes.follow(line.first, end,
                         [&](Extremes::Place at) { return entries[at - line.first].value(); });
    const Side side = kind_of(alert.condition).side;
    for (Extremes::Place place = line.first + first; place < end;) {
        const Extremes::Place from = line.extremes.next(place, side, alert.target, looked_at_);
        place = std::min(Extremes::end_of_block(from), end);
        if (from >= end) break;
        if (auto price = find_among(from - line.first, place - line.first)) return price;
    }
    return std::nullopt;
}

bool RecentPrices::is_repetition(Ticker ticker, Timestamp time) const {
    const auto& entries = of(ticker);
    const auto after = std::ranges::upper_bound(entries, time, {}, &Entry::time);
    if (std::distance(entries.begin(), after) < 2) return false;
    const auto added = std::prev(after)->value(), before = std::prev(after, 2)->value();
    return added && added == before;
}

std::optional<Timestamp> RecentPrices::reach(Ticker ticker) const {
    const auto found = by_ticker_.find(ticker);
    if (found == by_ticker_.end() || found->second.entries.empty()) return std::nullopt;
    return reach(found->second);
}

std::optional<Timestamp> RecentPrices::forgot_before(Ticker ticker) const {
    const auto found = by_ticker_.find(ticker);
    if (found == by_ticker_.end() || !found->second.forgot) return std::nullopt;
    return found->second.entries.front().time;
}

Timestamp RecentPrices::reach(const Line& line) {
    const Timestamp oldest = line.entries.back().time - longest;
    return line.forgot ? std::max(oldest, line.entries.front().time) : oldest;
}

const RecentPrices::Entries& RecentPrices::of(Ticker ticker) const {
    static const Entries none;
    const auto found = by_ticker_.find(ticker);
    return found == by_ticker_.end() ? none : found->second.entries;
}

std::optional<Timestamp> RecentPrices::insert(Line& line, Entry entry, Timestamp now) {
    entry.arrival = ++arrived_;
    auto& entries = line.entries;
    for (std::size_t i = entries.size(); i > 0 && entries[i - 1].time > now; --i) entries[i - 1].time = now;
    std::size_t place = entries.size();
    while (place > 0 && entries[place - 1].time > entry.time) --place;
    std::optional<Timestamp> ceased;
    if (place < entries.size()) {
        if (entry.time < reach(line)) return entry.time;
        ceased = entries[place].time;
        line.extremes.forget_from(line.first + place);
        entries.insert(place, entry);
    } else {
        entries.push_back(entry);
    }
    ++kept_;
    trim(line);
    return ceased;
}

void RecentPrices::trim(Line& line) {
    auto& entries = line.entries;
    const Timestamp oldest = entries.back().time - longest - margin;
    while ((entries.size() > most_ && kept_ > most_in_all) ||
           (entries.size() > 1 && entries[1].time <= oldest)) {
        entries.pop_front();
        ++line.first;
        --kept_;
        line.forgot = true;
    }
}

}  // namespace pricewire::alert
