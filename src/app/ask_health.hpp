#pragma once

#include <string>

#include "app/roles.hpp"
#include "base/result.hpp"
#include "ops/config.hpp"

namespace pricewire::app {

// Where the process of these roles on this machine answers /health: a URL with a loopback address where it
// listens on all. Error: its port is not known beforehand.
Result<std::string> health_url(const ops::Config& config, const Roles& roles);

// For health checks of containers, which have no curl: asks that process for its /health and prints the
// answer in one line. Returns 0 where it serves (ok or degraded), 1 where it does not or gives no answer
// within four seconds.
int ask_health(const ops::Config& config, const Roles& roles);

}  // namespace pricewire::app
