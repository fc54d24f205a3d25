#pragma once

#include <cstddef>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::inline domain {

// Intervals of bars are whole minutes and parts of a day, so that all of them begin with a day of UTC.
// The start of the interval that holds the moment.
Timestamp interval_start(Timestamp moment, Duration interval);
// The first start of an interval that is not before the moment. The ends of time stay what they are.
Timestamp next_interval_start(Timestamp moment, Duration interval);

// Bars of an interval out of one ticker's minute bars, which come newest first. Pure.
class BarsBackwards {
public:
    BarsBackwards(Duration interval, std::size_t limit) : interval_(interval), limit_(limit) {}
    // False where there are `limit` bars and the minute belongs to none of them: older ones are of no use.
    bool add(const Bar& minute);
    // Oldest first.
    std::vector<Bar> take() &&;

private:
    Duration interval_;
    std::size_t limit_;
    std::vector<Bar> bars_;  // newest first
};

}  // namespace pricewire::inline domain
