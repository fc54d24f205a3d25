#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Bitfinex, by the channels `trades` of its WebSocket v2 and, beside them, REST `tickers`. Quotes are of the
// USD pair. Source: docs.bitfinex.com.
extern const VenueType bitfinex_type;

}  // namespace pricewire::feed
