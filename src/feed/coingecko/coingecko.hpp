#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// CoinGecko by REST `simple/price`: an aggregator's figure in US dollars, up to a minute old, with the time
// it was made. Source: docs.coingecko.com, "Coin Price by IDs".
extern const VenueType coingecko_type;

}  // namespace pricewire::feed
