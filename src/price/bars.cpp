#include "price/bars.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::price {

void MinuteBars::add(const Price& price) {
    const Timestamp minute = std::chrono::floor<std::chrono::minutes>(price.time);
    auto [at, inserted] = open_.try_emplace(price.ticker);
    Open& open = at->second;
    if (inserted || open.bar.start != minute) {
        keep_finished(open);
        open.bar = {price.ticker, minute, price.value, price.value, price.value, price.value};
        widen(price.ticker, open);
    } else {
        if (price.value > open.bar.high || price.value < open.bar.low) widen(price.ticker, open);
        open.bar.high = std::max(open.bar.high, price.value);
        open.bar.low = std::min(open.bar.low, price.value);
        open.bar.close = price.value;
    }
    open.changed = true;
}

void MinuteBars::widen(Ticker ticker, Open& open) {
    if (!std::exchange(open.is_widened, true)) widened_.push_back(ticker);
}

void MinuteBars::keep_finished(Open& open) {
    if (open.changed) finished_.push_back(open.bar);
    if (std::exchange(open.is_widened, false)) widened_finished_.push_back(open.bar);
}

void MinuteBars::finish(Ticker ticker) {
    const auto found = open_.find(ticker);
    if (found == open_.end()) return;
    keep_finished(found->second);
    open_.erase(found);
}

std::vector<Bar> MinuteBars::take_widened() {
    std::vector<Bar> bars = std::exchange(widened_finished_, {});
    for (const Ticker ticker : std::exchange(widened_, {})) {
        const auto found = open_.find(ticker);
        if (found == open_.end() || !std::exchange(found->second.is_widened, false)) continue;
        bars.push_back(found->second.bar);
    }
    return bars;
}

std::vector<Bar> MinuteBars::take_changed() {
    take_widened();
    // Equal keys keep their order: a clock that is set back may leave two bars of one minute, and the later
    // close wins.
    std::multimap<std::pair<Timestamp, Ticker>, Bar> ordered;
    for (const Bar& bar : std::exchange(finished_, {}))
        ordered.emplace(std::pair(bar.start, bar.ticker), bar);
    for (auto& [ticker, open] : open_) {
        if (std::exchange(open.changed, false)) ordered.emplace(std::pair(open.bar.start, ticker), open.bar);
    }
    std::vector<Bar> bars;
    for (const auto& [key, bar] : ordered) bars.push_back(bar);
    return bars;
}

}  // namespace pricewire::price
