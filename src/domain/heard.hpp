#pragma once

#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::inline domain {

// A ticker of which a feed hears no exchange, and since when: unset if it has not heard one since its start.
struct Unheard {
    Ticker ticker;
    std::optional<Timestamp> since;
    friend bool operator==(const Unheard&, const Unheard&) = default;
};

// A feed's sign of life, in order with its prices: what it heard until `time` of any other ticker that it watches
// comes before it.
struct Heard {
    Timestamp time;                // the feed's clock
    std::vector<Unheard> unheard;  // by ticker
    friend bool operator==(const Heard&, const Heard&) = default;
};

}  // namespace pricewire::inline domain
