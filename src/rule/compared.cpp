#include "rule/compared.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::rule {

void ComparedTickers::add(const Ticker& one, const Ticker& other) {
    others_[one].insert(other);
    others_[other].insert(one);
}

bool ComparedTickers::take(const Terms& terms) {
    ComparedTickers with = *this;
    for (const Rule& rule : terms.rules) {
        if (rule.watched == Watched::ratio) with.add(rule.ticker, rule.other);
    }
    for (const Rule& rule : terms.rules) {
        if (rule.watched != Watched::ratio) continue;
        for (const Ticker& ticker : {rule.ticker, rule.other}) {
            const auto before = others_.find(ticker);
            const std::size_t had = before == others_.end() ? 0 : before->second.size();
            // One that has more, from before there was a limit, keeps them.
            if (with.others_[ticker].size() > std::max(had, max_ratios)) return false;
        }
    }
    *this = std::move(with);
    return true;
}

bool has_ratios(const Terms& terms) {
    return std::ranges::any_of(terms.rules, [](const Rule& rule) { return rule.watched == Watched::ratio; });
}

}  // namespace pricewire::rule
