#include "app/unwatched.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pricewire::app {

namespace {

constexpr std::size_t most_listed = 20;

}  // namespace

void Unwatched::add(std::span<const ActiveAlert> alerts) {
    for (const ActiveAlert& alert : alerts) {
        if (!watched_.contains(alert.ticker)) ++counts_[alert.ticker];
    }
}

std::string Unwatched::list() const {
    std::vector<std::pair<Ticker, std::size_t>> sorted(counts_.begin(), counts_.end());
    std::ranges::sort(sorted, [](const auto& a, const auto& b) {
        return std::pair(b.second, a.first) < std::pair(a.second, b.first);
    });
    std::string out;
    for (std::size_t i = 0; i < std::min(sorted.size(), most_listed); ++i) {
        out += fmt::format("{}{}: {}", i == 0 ? "" : ", ", sorted[i].first.view(), sorted[i].second);
    }
    if (sorted.size() > most_listed) out += fmt::format(" and {} more tickers", sorted.size() - most_listed);
    return out;
}

}  // namespace pricewire::app
