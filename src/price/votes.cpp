#include "price/votes.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::price {
namespace {

// Weights are multiplied by this, so that a part of one can be cut off.
constexpr std::int64_t fine = 1'000;
constexpr std::int64_t most_percent = 40;

}  // namespace

void Votes::settle() {
    owners_ = votes_.size();
    if (owners_ < 2) {
        total_ = owners_ == 0 ? 0 : votes_[0].weight;
        return;
    }
    std::sort(votes_.begin(), votes_.end(), [](const Vote& a, const Vote& b) { return a.value < b.value; });
    cap();
    total_ = 0;
    for (const Vote& vote : votes_) total_ += vote.weight;
}

// With at least three owners at most two can have more than the share: what they may have follows from what the
// others have, c = 0.4 (c + others) for one, c = 0.4 (2 c + others) for two.
void Votes::cap() {
    held_.assign(held_.size(), 0);
    std::int64_t total = 0;
    for (Vote& vote : votes_) {
        vote.weight *= fine;
        if (vote.owner >= held_.size()) held_.resize(vote.owner + 1, 0);
        held_[vote.owner] += vote.weight;
        total += vote.weight;
    }
    owners_ = 0;
    std::int64_t first = 0, second = 0;
    for (const std::int64_t held : held_) {
        if (held == 0) continue;
        ++owners_;
        if (held > first) {
            second = std::exchange(first, held);
        } else {
            second = std::max(second, held);
        }
    }
    if (owners_ < 2) return;
    std::int64_t most = second;
    if (owners_ > 2) {
        most = most_percent * (total - first) / (100 - most_percent);
        if (second > most) most = most_percent * (total - first - second) / (100 - 2 * most_percent);
    }
    if (first <= most) return;
    for (Vote& vote : votes_) {
        const std::int64_t held = held_[vote.owner];
        if (held > most) vote.weight = vote.weight * most / held;
    }
}

bool Votes::move(std::uint32_t source, Decimal value) {
    auto at = std::find_if(votes_.begin(), votes_.end(), [&](const Vote& v) { return v.source == source; });
    if (at == votes_.end()) return false;
    at->value = value;
    for (; at != votes_.begin() && value < (at - 1)->value; --at) std::swap(*at, *(at - 1));
    for (; at + 1 != votes_.end() && (at + 1)->value < value; ++at) std::swap(*at, *(at + 1));
    return true;
}

std::pair<Decimal, Decimal> Votes::middle() const {
    std::int64_t below = 0;
    for (std::size_t i = 0; i + 1 < votes_.size(); ++i) {
        below += votes_[i].weight;
        if (below * 2 > total_) return {votes_[i].value, votes_[i].value};
        if (below * 2 == total_) return {votes_[i].value, votes_[i + 1].value};
    }
    return {votes_.back().value, votes_.back().value};
}

Decimal Votes::percentile(int percent) const {
    std::int64_t below = 0;
    for (const Vote& vote : votes_) {
        below += vote.weight;
        if (below * 100 >= total_ * percent) return vote.value;
    }
    return votes_.back().value;
}

}  // namespace pricewire::price
