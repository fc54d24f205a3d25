#pragma once

#include <map>
#include <optional>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::alert {

// What is known of the time before a start.
struct JudgedBefore {
    std::optional<Timestamp> until = {};  // all prices were judged; unset: there was nothing
    // Whether nobody hands over the prices since then: no price is known from then on. Else signs of life tell, which come
    // with the prices.
    bool is_lost = false;
    std::map<Ticker, Timestamp> blind = {};  // those that had no price any more, since when
};

}  // namespace pricewire::alert
