#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Coinbase, by the channel `market_trades` of Advanced Trade's public WebSocket and, beside it, REST
// `products`. Quotes are of the USD pair. Source: docs.cdp.coinbase.com.
extern const VenueType coinbase_type;

}  // namespace pricewire::feed
