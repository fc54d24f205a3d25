#pragma once

#include <memory>

#include "feed/venue.hpp"

namespace pricewire {

// Binance spot: the combined stream of trades, so that every trade counts, with REST ticker/price beside it.
// Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams and
// …/rest-api/market-data-endpoints. The rule for symbols is TICKER + "USDT".
std::unique_ptr<Venue> create_binance(const VenueSettings& settings);

}  // namespace pricewire
