#pragma once

#include <memory>

#include "bus/delivery_notices.hpp"

namespace pricewire::bus {

// Of a process that holds all roles, or that has nobody to tell. Loses nothing, and never tells of a miss.
std::unique_ptr<DeliveryNotices> create_in_process_notices();

}  // namespace pricewire::bus
