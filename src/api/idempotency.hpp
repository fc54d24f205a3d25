#pragma once

#include <functional>
#include <optional>

#include "api/exchange.hpp"
#include "storage/alerts.hpp"

namespace pricewire::api {

// Handles a request that creates something. With an Idempotency-Key it is handled once: its answer is stored together
// with what it creates, and repeated to all later requests with the same key. `make` gets what to store the answer with,
// null without a key, and returns nullopt if the storage says that the key is used.
//
// A request that creates nothing leaves its key free. While this process handles a request, it refuses others with the
// same key with 409; if another process handles one, the database lets only one of the two create something, and the
// other one gets its answer.
net::ServerResponse answer_once(
    Services& services, Exchange& exchange,
    const std::function<std::optional<net::ServerResponse>(storage::IdempotentRequest* request)>& make);

}  // namespace pricewire::api
