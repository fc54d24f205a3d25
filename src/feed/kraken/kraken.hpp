#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Kraken spot, by the channel `trade` of its WebSocket v2 and, beside it, REST `Ticker`. Quotes are of the
// USD pair. Source: docs.kraken.com.
extern const VenueType kraken_type;

// In past.cpp.
namespace kraken {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace kraken

}  // namespace pricewire::feed
