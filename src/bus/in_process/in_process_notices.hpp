#pragma once

#include <memory>

#include "bus/delivery_notices.hpp"

namespace pricewire::bus {

// For a process with all roles, or without any subscriber. Loses nothing and never reports missed notices.
std::unique_ptr<DeliveryNotices> create_in_process_notices();

}  // namespace pricewire::bus
