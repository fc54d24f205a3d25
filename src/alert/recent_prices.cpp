#include "alert/recent_prices.hpp"

namespace pricewire {

void RecentPrices::add(const Price& price) {
    auto& entries = by_ticker_[price.ticker];
    entries.push_back({price.time, price});
    trim(entries);
}

void RecentPrices::gone(Ticker ticker, Timestamp at) {
    const auto found = by_ticker_.find(ticker);
    if (found == by_ticker_.end() || !found->second.back().price) return;
    found->second.push_back({at, std::nullopt});
    trim(found->second);
}

std::optional<Price> RecentPrices::last(Ticker ticker) const {
    const auto found = by_ticker_.find(ticker);
    if (found == by_ticker_.end()) return std::nullopt;
    return found->second.back().price;
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

void RecentPrices::trim(std::deque<Entry>& entries) {
    while (entries.size() > most || entries.back().time - entries.front().time > longest) entries.pop_front();
}

}  // namespace pricewire
