#pragma once

#include "app/front.hpp"
#include "app/roles.hpp"
#include "ops/config.hpp"

namespace pricewire::app {

// Prints the addresses to stdout, for the person who started the process, and logs the start.
void report_start(const ops::Config& config, const Roles& roles, const Front& front);

}  // namespace pricewire::app
