#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// KuCoin spot, by the topic `/market/match` of its classic stream, whose address it hands out with a token, and,
// beside it, REST `market/orderbook/level1` and `market/allTickers`. Quotes are of the USDT pair. Source:
// kucoin.com/docs-new.
extern const VenueType kucoin_type;

// In past.cpp.
namespace kucoin {
ListingsParser parse_listings;
PastUrl candles_url;
CandlesParser parse_candles;
}  // namespace kucoin

}  // namespace pricewire::feed
