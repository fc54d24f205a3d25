#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Bitstamp, by its `live_trades` channels and, beside them, REST `ticker`. Quotes are of the USD pair.
// Source: bitstamp.net/websocket/v2 and bitstamp.net/api.
extern const VenueType bitstamp_type;

// In past.cpp.
namespace bitstamp {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace bitstamp

}  // namespace pricewire::feed
