#include "price/bars.hpp"

#include <algorithm>
#include <utility>

namespace pricewire {

void MinuteBars::add(const Price& price) {
    const Timestamp minute = std::chrono::floor<std::chrono::minutes>(price.time);
    auto [at, inserted] = open_.try_emplace(price.ticker);
    Open& open = at->second;
    if (inserted || open.bar.start != minute) {
        if (open.changed) finished_.push_back(open.bar);
        open.bar = {price.ticker, minute, price.value, price.value, price.value, price.value};
    } else {
        open.bar.high = std::max(open.bar.high, price.value);
        open.bar.low = std::min(open.bar.low, price.value);
        open.bar.close = price.value;
    }
    open.changed = true;
}

std::vector<Bar> MinuteBars::take_changed() {
    std::vector<Bar> bars = std::exchange(finished_, {});
    for (auto& [ticker, open] : open_) {
        if (std::exchange(open.changed, false)) bars.push_back(open.bar);
    }
    // Stable: a clock set back may leave two bars of one minute, and the later one's close stands.
    std::stable_sort(bars.begin(), bars.end(), [](const Bar& a, const Bar& b) {
        return std::pair(a.start, a.ticker) < std::pair(b.start, b.ticker);
    });
    return bars;
}

}  // namespace pricewire
