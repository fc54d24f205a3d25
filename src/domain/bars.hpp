#pragma once

#include <cstddef>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::inline domain {

// Bar intervals are whole minutes that divide a day, so each UTC day starts with a new interval.

// The start of the interval that contains `moment`.
Timestamp interval_start(Timestamp moment, Duration interval);
// The start of the first interval that does not start before `moment`. A moment within one interval of either
// end of time is returned as it is.
Timestamp next_interval_start(Timestamp moment, Duration interval);

// Combines one ticker's minute bars, newest first, into bars of a longer interval. Pure.
class BarsBackwards {
public:
    BarsBackwards(Duration interval, std::size_t limit) : interval_(interval), limit_(limit) {}
    // False if there are `limit` bars and the minute belongs to an older one: no more minutes are needed.
    bool add(const Bar& minute);
    // Oldest first.
    std::vector<Bar> take() &&;

private:
    Duration interval_;
    std::size_t limit_;
    std::vector<Bar> bars_;  // newest first
};

}  // namespace pricewire::inline domain
