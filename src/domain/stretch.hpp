#pragma once

#include "base/clock.hpp"
#include "base/decimal.hpp"

namespace pricewire::inline domain {

// What is known of a ticker's price within [from, to): the lowest and the highest that was in effect, and the last, which
// was in effect at the end. An exact price is a stretch in which they are equal. Between two stretches that do not meet
// no price is known.
struct Stretch {
    Timestamp from, to;
    Decimal low, high, last;
    bool goes_on = false;  // after a gap within a bar: low and high may be of before the gap
    friend bool operator==(const Stretch&, const Stretch&) = default;
};

}  // namespace pricewire::inline domain
