#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Binance spot, by its combined stream of trades and, beside it, REST `ticker/price`. Quotes are of the USDT
// pair. Source: developers.binance.com, "WebSocket Streams for Binance" and "Market Data endpoints".
extern const VenueType binance_type;

// Binance.US, by an older form of the same. Source: docs.binance.us.
extern const VenueType binance_us_type;

// Of both, in past.cpp.
namespace binance {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace binance

}  // namespace pricewire::feed
