#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Gemini, by the trade streams of its WebSocket of 2026 and, beside them, REST `pricefeed`. Quotes are of the
// USD pair. Source: docs.gemini.com.
extern const VenueType gemini_type;

// In past.cpp.
namespace gemini {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace gemini

}  // namespace pricewire::feed
