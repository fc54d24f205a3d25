#pragma once

#include <span>

#include "api/exchange.hpp"

namespace pricewire::api {

// Tells the senders that deliveries of the user's are due, after they were committed, and whoever watches
// them. A hint that fails is logged and costs some time, not the answer: the senders look into the database
// themselves.
void hint_sender(Services& services, const Exchange& exchange, std::span<const DeliveryTask> tasks);

}  // namespace pricewire::api
