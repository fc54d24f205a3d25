#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Bitget spot, by its channels of trades and, beside them, REST `tickers`. Quotes are of the USDT pair. The stream is
// that of API v2; where its URL has "/v3/", that of v3. Source: bitget.com/api-doc, "Trading Channel", "Public
// Trades Channel" and "Get Ticker Information".
extern const VenueType bitget_type;

// In past.cpp.
namespace bitget {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace bitget

}  // namespace pricewire::feed
