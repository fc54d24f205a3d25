#pragma once

#include <span>

#include "api/exchange.hpp"
#include "base/uuid.hpp"

namespace pricewire::api {

// Notifies the senders, and the clients of the live stream, of a user's committed deliveries. A failure is
// logged and does not affect the response: the senders also poll the database.
void hint_sender(Services& services, const Exchange& exchange, std::span<const DeliveryTask> tasks);

// Notifies the clients of the live stream of alerts of the user that were created (`is_new`), changed or deleted.
void tell_of_alerts(Services& services, const Exchange& exchange, std::span<const Uuid> alerts,
                    bool is_new = false);

}  // namespace pricewire::api
