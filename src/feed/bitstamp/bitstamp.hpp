#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Bitstamp, by its `live_trades` channels and, beside them, REST `ticker`. Quotes are of the USD pair.
// Source: bitstamp.net/websocket/v2 and bitstamp.net/api.
extern const VenueType bitstamp_type;

}  // namespace pricewire::feed
