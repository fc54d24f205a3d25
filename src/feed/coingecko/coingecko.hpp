#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// CoinGecko by REST `simple/price`: an aggregator's price in US dollars, up to a minute old, with its time.
// Source: docs.coingecko.com, "Coin Price by IDs".
extern const VenueType coingecko_type;

namespace coingecko {
ListingsParser parse_listings;  // in past.cpp
}  // namespace coingecko

}  // namespace pricewire::feed
