#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// MEXC spot v3, by the channel `aggre.deals` of its protobuf stream and, beside it, REST `ticker/24hr`. Quotes
// are of the USDT pair. Source: github.com/mexcdevelop/websocket-proto, mexc.com/api-docs/spot-v3.
extern const VenueType mexc_type;

// In past.cpp.
namespace mexc {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace mexc

}  // namespace pricewire::feed
