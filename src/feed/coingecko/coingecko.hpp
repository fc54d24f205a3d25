#pragma once

#include <memory>

#include "feed/venue.hpp"

namespace pricewire {

// CoinGecko, an aggregator: REST simple/price with the time of each figure. Source:
// https://docs.coingecko.com/v3.0.1/reference/simple-price. Symbols are CoinGecko's ids ("bitcoin"); for
// tickers without a known id market.symbols has to name one, else they are not asked for.
std::unique_ptr<Venue> create_coingecko(const VenueSettings& settings);

}  // namespace pricewire
