#include "rule/compared.hpp"

#include <algorithm>
#include <cstddef>

namespace pricewire::rule {

void ComparedTickers::add(const Ticker& one, const Ticker& other) {
    others_[one].insert(other);
    others_[other].insert(one);
}

void ComparedTickers::add(const Terms& terms) {
    for (const Rule& rule : terms.rules) {
        if (rule.watched == Watched::ratio) add(rule.ticker, rule.other);
    }
}

bool ComparedTickers::take(const Terms& terms) {
    ComparedTickers added;
    added.add(terms);
    for (const auto& [ticker, others] : added.others_) {
        const auto known = others_.find(ticker);
        const std::size_t had = known == others_.end() ? 0 : known->second.size();
        const auto is_new = [&](const Ticker& other) {
            return known == others_.end() || !known->second.contains(other);
        };
        const auto more = static_cast<std::size_t>(std::ranges::count_if(others, is_new));
        // One that has more, from before there was a limit, keeps them.
        if (had + more > std::max(had, max_ratios)) return false;
    }
    add(terms);
    return true;
}

bool has_ratios(const Terms& terms) {
    return std::ranges::any_of(terms.rules, [](const Rule& rule) { return rule.watched == Watched::ratio; });
}

}  // namespace pricewire::rule
