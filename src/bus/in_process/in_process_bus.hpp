#pragma once

#include <memory>
#include <vector>

#include "bus/price_bus.hpp"

namespace pricewire::bus {

// The bus of a process that holds feed, checkers and API. `tickers` are those of the configuration, in its
// order; boards of others are ignored. Subscribers run on the publisher's thread. subscribe() after the first
// publish() throws std::logic_error. What readers ask for is rebuilt at most once per changed price, and a
// reader otherwise only copies a shared pointer.
std::unique_ptr<PriceBus> create_in_process_bus(std::vector<Ticker> tickers);

}  // namespace pricewire::bus
