#pragma once

#include <cstddef>

#include "api/exchange.hpp"
#include "rule/simulate.hpp"

namespace pricewire::api {

// What storage knows of prices, for the simulator. Refers to it.
rule::Past stored_past(storage::Storage& storage);
// The same with the boards' prices; the simulator gives up once `most` has passed. Refers to the services.
rule::Past stored_past(Services& services, Duration most);

// How many times without a price of a ticker are read: more than storage keeps of all but the worst.
constexpr std::size_t max_gaps = 100'000;

// "3m20s"
std::string spelled_out(Duration d);

}  // namespace pricewire::api
