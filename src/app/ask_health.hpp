#pragma once

#include <string>

#include "app/roles.hpp"
#include "base/result.hpp"
#include "ops/config.hpp"

namespace pricewire::app {

// The URL of /health of a process with these roles on this machine; a loopback address if it listens on all.
// Error: the port is 0, hence unknown.
Result<std::string> health_url(const ops::Config& config, const Roles& roles);

// For health checks of containers, which have no curl: queries /health of that process and prints the
// response in one line. Returns 0 if the process serves (ok or degraded), 1 if it does not or does not
// respond within four seconds.
int ask_health(const ops::Config& config, const Roles& roles);

}  // namespace pricewire::app
