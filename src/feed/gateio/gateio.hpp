#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Gate.io spot, by the channel `spot.trades` of its WebSocket v4 and, beside it, REST `spot/tickers`. Quotes are
// of the USDT pair. Source: gate.com/docs/developers/apiv4.
extern const VenueType gateio_type;

// In past.cpp.
namespace gateio {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace gateio

}  // namespace pricewire::feed
