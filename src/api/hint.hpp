#pragma once

#include <span>

#include "api/exchange.hpp"

namespace pricewire::api {

// Tells the senders that deliveries are due, after they were committed. A hint that fails is logged and
// costs some time, not the answer: the senders look into the database themselves.
void hint_sender(Services& services, std::span<const DeliveryTask> tasks);

}  // namespace pricewire::api
