#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Bitfinex, by the channels `trades` of its WebSocket v2 and, beside them, REST `tickers`. Quotes are of the
// USD pair. Source: docs.bitfinex.com.
extern const VenueType bitfinex_type;

// In past.cpp.
namespace bitfinex {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
std::string_view coin_of(std::string_view code);  // "USDT" of UST; in bitfinex.cpp
}  // namespace bitfinex

}  // namespace pricewire::feed
