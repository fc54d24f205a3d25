#pragma once

#include <memory>
#include <vector>

#include "bus/price_bus.hpp"

namespace pricewire::bus {

// A bus for a process that runs feed, checkers and API. `pinned` are the tickers that are always watched, in their
// order. Callbacks run on the publisher's thread. subscribe() after the first publish() throws std::logic_error.
// rates_json() is rebuilt at most once per changed price and otherwise copies a shared pointer.
std::unique_ptr<PriceBus> create_in_process_bus(const std::vector<Ticker>& pinned);

}  // namespace pricewire::bus
