#pragma once

#include <cstddef>
#include <memory>

#include "catcher/catcher.hpp"

namespace pricewire::catcher {

// For one process. Some 250 KB an address at most.
std::unique_ptr<Catcher> create_in_process_catcher(std::size_t max_addresses = 200);

}  // namespace pricewire::catcher
