#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Coinbase, by the channel `market_trades` of Advanced Trade's public WebSocket and, beside it, REST
// `products`. Quotes are of the USD pair. Source: docs.cdp.coinbase.com.
extern const VenueType coinbase_type;

// In past.cpp.
namespace coinbase {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace coinbase

}  // namespace pricewire::feed
