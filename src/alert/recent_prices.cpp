#include "alert/recent_prices.hpp"

#include <iterator>
#include <utility>

namespace pricewire {

std::optional<Timestamp> RecentPrices::add(const Price& price) {
    return insert(by_ticker_[price.ticker], {price.time, price});
}

std::optional<Timestamp> RecentPrices::add(const PriceGone& gone) {
    const auto found = by_ticker_.find(gone.ticker);
    if (found == by_ticker_.end()) return std::nullopt;
    return insert(found->second, {gone.time, std::nullopt});
}

std::optional<Price> RecentPrices::first_since(const ActiveAlert& alert, Timestamp since) const {
    const auto found = by_ticker_.find(alert.ticker);
    if (found == by_ticker_.end()) return std::nullopt;
    const auto& entries = found->second;
    // Back to the one that was in effect then: the last whose successor came no later.
    std::size_t first = entries.size() - 1;
    while (first > 0 && entries[first].time > since) --first;
    for (std::size_t i = first; i < entries.size(); ++i) {
        const auto& price = entries[i].price;
        if (price && holds(alert.condition, price->value, alert.target)) return price;
    }
    return std::nullopt;
}

std::optional<Timestamp> RecentPrices::insert(std::deque<Entry>& entries, Entry entry) {
    auto place = entries.end();
    while (place != entries.begin() && std::prev(place)->time > entry.time) --place;
    std::optional<Timestamp> ceased;
    if (place != entries.end()) ceased = place->time;
    entries.insert(place, std::move(entry));
    while (entries.size() > most || entries.back().time - entries.front().time > longest) entries.pop_front();
    return ceased;
}

}  // namespace pricewire
