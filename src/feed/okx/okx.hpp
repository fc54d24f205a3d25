#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// OKX spot, by the channel `trades` and, beside it, REST `market/ticker` and `market/tickers`. Quotes are of
// the USDT pair. Source: okx.com/docs-v5.
extern const VenueType okx_type;

// In past.cpp.
namespace okx {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace okx

}  // namespace pricewire::feed
