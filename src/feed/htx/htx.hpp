#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// HTX (formerly Huobi) spot, by the channels `market.<symbol>.trade.detail` and, beside them, REST
// `market/trade` and `market/tickers`. Quotes are of the USDT pair. Source: htx.com/en-us/opend.
extern const VenueType htx_type;

// In past.cpp.
namespace htx {
ListingsParser parse_listings;
PastUrl candles_url;
CandlesParser parse_candles;
}  // namespace htx

}  // namespace pricewire::feed
