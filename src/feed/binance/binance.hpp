#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Binance spot, by its combined stream of trades and, beside it, REST `ticker/price`. Quotes are of the USDT
// pair. Source: developers.binance.com, "WebSocket Streams for Binance" and "Market Data endpoints".
extern const VenueType binance_type;

// Binance.US, by an older form of the same. Source: docs.binance.us.
extern const VenueType binance_us_type;

}  // namespace pricewire::feed
