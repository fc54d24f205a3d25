#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Bybit v5 spot, by its channels `publicTrade` and, beside them, REST `tickers`. Quotes are of the USDT pair.
// Source: bybit-exchange.github.io/docs/v5, "Trade" under "Websocket Stream" and "Get Tickers".
extern const VenueType bybit_type;

// In past.cpp.
namespace bybit {
ListingsParser parse_listings;
PastUrl candles_url;
CandlesParser parse_candles;
}  // namespace bybit

}  // namespace pricewire::feed
