#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/decimal.hpp"

namespace pricewire::price {

// Prices with weights, in order, of which it takes medians. No owner has more than 40 % of the weight: what is
// beyond that is cut off, so that no single one decides (20.3 of the practice that consolidator.cpp cites names
// 40 to 50 %). Of two owners both have half. Allocates nothing once it has held as many. Pure; one thread.
class Votes {
public:
    struct Vote {
        Decimal value;
        std::int64_t weight = 0;
        std::uint32_t source = 0;  // any number that names it
        std::uint32_t owner = 0;   // likewise, less than 256
    };

    void clear() { votes_.clear(); }
    void add(const Vote& vote) { votes_.push_back(vote); }
    // To be called after the last add(): sorts, and cuts what an owner has too much.
    void settle();
    // A voter's new value; false if `source` has no vote.
    bool move(std::uint32_t source, Decimal value);

    bool empty() const { return votes_.empty(); }
    std::span<const Vote> all() const { return votes_; }
    std::size_t owners() const { return owners_; }

    // These want at least one vote.
    Decimal lowest() const { return votes_.front().value; }
    Decimal highest() const { return votes_.back().value; }
    // The lowest value at or below which more than half of the weight lies; if exactly half does, the value below
    // which it does and the next.
    std::pair<Decimal, Decimal> middle() const;
    Decimal median() const {
        const auto [low, high] = middle();
        return low == high ? low : Decimal::midpoint(low, high);
    }
    // The lowest value at or below which at least `percent` of the weight lies. 0 < percent <= 100.
    Decimal percentile(int percent) const;

private:
    void cap();

    std::vector<Vote> votes_;
    std::vector<std::int64_t> held_;  // by owner
    std::int64_t total_ = 0;
    std::size_t owners_ = 0;
};

}  // namespace pricewire::price
