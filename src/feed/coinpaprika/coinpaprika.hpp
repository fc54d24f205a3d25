#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// CoinPaprika's tickers: figures of all exchanges, renewed every ten minutes or so. Source: docs.coinpaprika.com.
extern const VenueType coinpaprika_type;

namespace coinpaprika {
ListingsParser parse_listings;  // in past.cpp
}

}  // namespace pricewire::feed
