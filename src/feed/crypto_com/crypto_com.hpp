#pragma once

#include "feed/venue.hpp"

namespace pricewire::feed {

// Crypto.com Exchange v1 spot, by the channel `trade` and, beside it, REST `public/get-tickers`. Quotes are of
// the USD pair. Source: exchange-docs.crypto.com.
extern const VenueType crypto_com_type;

// In past.cpp.
namespace crypto_com {
ListingsParser parse_listings;
PastUrl candles_url, trades_url;
CandlesParser parse_candles;
TradesParser parse_trades;
}  // namespace crypto_com

}  // namespace pricewire::feed
