#pragma once

#include <memory>
#include <vector>

#include "bus/price_bus.hpp"

namespace pricewire::bus {

// A bus for a process that runs feed, checkers and API. `tickers` are the configured ones, in their order;
// boards of others are ignored. Callbacks run on the publisher's thread. subscribe() after the first
// publish() throws std::logic_error. rates_json() is rebuilt at most once per changed price and otherwise
// copies a shared pointer.
std::unique_ptr<PriceBus> create_in_process_bus(std::vector<Ticker> tickers);

}  // namespace pricewire::bus
