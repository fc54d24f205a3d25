#include "domain/rule.hpp"

#include <algorithm>

namespace pricewire::inline domain {

std::vector<Ticker> tickers_of(const Terms& terms) {
    std::vector<Ticker> out;
    const auto add = [&](const Ticker& ticker) {
        if (std::find(out.begin(), out.end(), ticker) == out.end()) out.push_back(ticker);
    };
    for (const Rule& rule : terms.rules) {
        add(rule.ticker);
        if (rule.watched == Watched::ratio) add(rule.other);
    }
    return out;
}

}  // namespace pricewire::inline domain
