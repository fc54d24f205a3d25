#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "alert/ring.hpp"
#include "base/decimal.hpp"
#include "domain/condition.hpp"

namespace pricewire::alert {

// The highest and the lowest of each 64, and of each 4096, of a queue of numbers, so that the first one beyond a target is found
// without a look at most of them. Each number has a place, which it keeps while those in front of it go. What is known here
// follows the queue when it is asked, so that a queue of which nothing is asked costs nothing. Pure; owned by one thread.
class Extremes {
public:
    using Place = std::uint64_t;

    // Those from this place on have moved, or are others.
    void forget_from(Place place) {
        if (place >= end_) return;
        end_ = place & ~mask(0);
        for (std::size_t level = 0; level < levels; ++level) of_[level].cut(end_ >> shift(level));
        // Of the last larger block some are left.
        for (Place block = end_ >> shift(1) << (shift(1) - shift(0)); block < end_ >> shift(0); ++block) {
            if (const Extreme* const some = of_[0].find(block)) of_[1].at(end_ >> shift(1)).widen(*some);
        }
    }
    // The queue has these places now; `value_at` says what is there, nullopt if it is no number.
    template <typename F>
    void follow(Place first, Place end, const F& value_at) {
        for (std::size_t level = 0; level < levels; ++level) of_[level].drop_before(first >> shift(level));
        for (end_ = std::max(end_, first); end_ < end; ++end_) {
            const std::optional<Decimal> value = value_at(end_);
            for (std::size_t level = 0; level < levels; ++level) {
                Extreme& block = of_[level].at(end_ >> shift(level));
                if (value) block.widen({*value, *value});
            }
        }
    }
    // The first place from this one on at whose block some number may be beyond the target; or one behind the last. `looked_at`
    // counts blocks.
    Place next(Place from, Side side, Decimal target, std::uint64_t& looked_at) const {
        while (from < end_) {
            std::size_t level = levels;
            while (level > 0 && of_[level - 1].find(from >> shift(level - 1))->reaches(side, target)) {
                ++looked_at;
                --level;
            }
            if (level == 0) return from;
            ++looked_at;
            from = (from | mask(level - 1)) + 1;
        }
        return from;
    }
    // The end of the block that this place is in.
    static Place end_of_block(Place place) { return (place | mask(0)) + 1; }

private:
    static constexpr std::size_t levels = 2;
    static constexpr unsigned shift(std::size_t level) { return level == 0 ? 6 : 12; }
    static constexpr Place mask(std::size_t level) { return (Place{1} << shift(level)) - 1; }

    struct Extreme {
        Decimal low = Decimal::from_raw(static_cast<Decimal::Raw>(~Decimal::Unsigned{0} >> 1));
        Decimal high = Decimal::from_raw(~low.raw());

        void widen(const Extreme& other) {
            low = std::min(low, other.low);
            high = std::max(high, other.high);
        }
        bool reaches(Side side, Decimal target) const {
            return is_beyond(side, side == Side::above ? high : low, target);
        }
    };
    // Without a gap.
    struct Blocks {
        Place first = 0;
        Ring<Extreme> ring;

        const Extreme* find(Place block) const {
            return block < first || block - first >= ring.size() ? nullptr : &ring[block - first];
        }
        // One that there is, or the one behind the last.
        Extreme& at(Place block) {
            if (ring.empty()) first = block;
            if (block - first == ring.size()) ring.push_back({});
            return ring[block - first];
        }
        void drop_before(Place block) {
            while (!ring.empty() && first < block) {
                ring.pop_front();
                ++first;
            }
        }
        void cut(Place block) {
            while (!ring.empty() && first + ring.size() > block) ring.pop_back();
        }
    };

    Place end_ = 0;  // of what is known
    std::array<Blocks, levels> of_;
};

}  // namespace pricewire::alert
