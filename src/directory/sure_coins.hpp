#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "domain/listing.hpp"

namespace pricewire::directory {

// The coins of an aggregator that their tickers identify for certain: different coins may have the same ticker, and so
// have copies of a coin on other chains. `known_id` gives the ids that are certain; any other ticker must be that of a
// single coin, apart from coins whose names say that they are copies. At most one coin per ticker, in the given order.
// Pure.
std::vector<ListedPair> sure_coins(std::vector<ListedPair> coins,
                                   const std::function<std::optional<std::string>(Ticker)>& known_id);

}  // namespace pricewire::directory
