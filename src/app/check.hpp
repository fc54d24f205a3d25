#pragma once

#include <string>
#include <vector>

#include "app/roles.hpp"
#include "ops/config.hpp"

namespace pricewire::app {

// One line per setting that does not work for a process of these roles; empty if all do. Both the start of a
// role and check-config ask this. Reads the key and certificate files that are named, contacts nobody.
std::vector<std::string> wrong_for(const ops::Config& config, const Roles& roles);

// Whether anybody but programs on this machine can reach the address, host:port.
bool is_open_to_a_network(const std::string& listen);

}  // namespace pricewire::app
