#pragma once

#include <span>

#include "api/exchange.hpp"

namespace pricewire::api {

// Notifies the senders, and the clients of the live stream, of a user's committed deliveries. A failure is
// logged and does not affect the response: the senders also poll the database.
void hint_sender(Services& services, const Exchange& exchange, std::span<const DeliveryTask> tasks);

}  // namespace pricewire::api
