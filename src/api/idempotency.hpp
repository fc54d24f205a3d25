#pragma once

#include <functional>
#include <optional>

#include "api/exchange.hpp"
#include "storage/alerts.hpp"

namespace pricewire::api {

// Handles a request that creates something. With an Idempotency-Key it is handled once: the answer that told of what was
// created is stored with it, and given to all that follow with the same key. `make` is given what to store the answer
// with, null without a key, and returns nullopt if the storage says that the key is used.
//
// A request that creates nothing leaves its key free. Those with one key that come at the same time are refused with 409,
// by this process; of those that two processes handle, the database lets one create something, and the other one gets
// its answer.
net::ServerResponse answer_once(
    Services& services, Exchange& exchange,
    const std::function<std::optional<net::ServerResponse>(storage::IdempotentRequest* request)>& make);

}  // namespace pricewire::api
