#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Crypto.com Exchange v1 spot, by the channel `trade` and, beside it, REST `public/get-tickers`. Quotes are of
// the USD pair. Source: exchange-docs.crypto.com.
extern const VenueType crypto_com_type;

}  // namespace pricewire::feed
