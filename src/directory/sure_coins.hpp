#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "domain/listing.hpp"

namespace pricewire::directory {

// Of an aggregator's coins, those whose tickers name them for sure: letters are used by many coins, and by copies of
// a coin on other chains. `known_id` gives the ids that are certain; any other ticker has to be that of one coin alone,
// apart from coins whose names say that they are copies. At most one a ticker, in the given order. Pure.
std::vector<ListedPair> sure_coins(std::vector<ListedPair> coins,
                                   const std::function<std::optional<std::string>(Ticker)>& known_id);

}  // namespace pricewire::directory
