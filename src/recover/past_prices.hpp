#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "past/past.hpp"
#include "price/consolidator.hpp"

namespace pricewire::recover {

// A price that venues' past trades make; unset: from then on there was none.
struct PastPrice {
    Timestamp time;
    std::optional<Decimal> value;
    std::uint64_t sources = 0;  // bit i: the i-th of the trades given counted
    int owners = 0;             // that agreed
};

// The prices that these trades would have made live, in order. `places` have answered; at most 64. What a venue's
// trades say holds for as long as live ones do, so they should begin half a minute before what matters. Pure.
std::vector<PastPrice> past_prices(Ticker ticker, const price::ConsolidationPolicy& policy,
                                   std::span<const past::PlaceTrades> places);

// The highest and the lowest price between two moments that half of the weight of those who answered, and two owners
// where there are two, have reached within two seconds of each other. Clocks of venues differ, and some tell whole
// milliseconds: by the order of their trades alone a moment that all shared may seem to be nobody's. nullopt: nobody
// traded. Pure.
std::optional<PriceBand> reached_together(const price::ConsolidationPolicy& policy,
                                          std::span<const past::PlaceTrades> places, Timestamp from,
                                          Timestamp to);

}  // namespace pricewire::recover
