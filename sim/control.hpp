#pragma once

#include "net/http_server.hpp"
#include "sim/exchange_sim.hpp"

namespace pricewire::sim {

// The doors of these venues.
std::vector<Door> doors(SimVenues venues);

net::ServerOptions server_options(const std::string& listen);

// Answers a request whose path begins with /_sim/.
net::ServerResponse control(ExchangeSim& sim, SimVenues venues, const net::ServerRequest& request);

}  // namespace pricewire::sim
