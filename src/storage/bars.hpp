#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// Minute bars of prices. Part of Storage: see there for threads; writes survive kill -9, not a loss of power.
class Bars {
public:
    virtual ~Bars() = default;

    // Merges with bars already stored: their open stays, high and low widen, close is replaced.
    virtual void upsert_bars(std::span<const Bar> bars) = 0;
    // The newest `limit` bars of an interval (minutes that divide a day, see domain/bars.hpp) that start
    // within [from, to), oldest first. An interval without any minute has no bar.
    virtual std::vector<Bar> bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                                  std::size_t limit) = 0;
    // Removes at most `limit` bars that start before `before`, and longer ones that end before it; returns
    // how many: fewer than `limit` means that nothing is left to remove.
    virtual std::size_t prune_bars(Timestamp before, std::size_t limit) = 0;
};

}  // namespace pricewire::storage
