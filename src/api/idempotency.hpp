#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <utility>

#include "api/exchange.hpp"
#include "storage/alerts.hpp"

namespace pricewire::api {

// What became of a request that is to create something: its answer, or that nothing was created, with the answer that says
// why; unset: its key is used.
struct NothingMade {
    std::optional<net::ServerResponse> answer;
};
using OnceMade = std::expected<net::ServerResponse, NothingMade>;
inline std::unexpected<NothingMade> nothing_made(net::ServerResponse answer) {
    return std::unexpected(NothingMade{std::move(answer)});
}
inline std::unexpected<NothingMade> key_is_used() {
    return std::unexpected(NothingMade{});
}

// Handles a request that creates something. With an Idempotency-Key it is handled once: its answer is stored together
// with what it creates, and repeated to all later requests with the same key. `make` gets what to store the answer with,
// null without a key.
//
// A request that creates nothing leaves its key free. While this process handles a request, it refuses others with the
// same key with 409; if another process handles one, the database lets only one of the two create something, and the
// other one gets its answer, even if what the first one has created leaves no room for it.
//
// No key is forgotten within 24 h: a user who has used too many is refused new ones with 429. If a user's answers are too large
// together, the oldest are dropped, but not their keys: a repeated request then gets 409.
net::ServerResponse answer_once(Services& services, Exchange& exchange,
                                const std::function<OnceMade(storage::IdempotentRequest* request)>& make);

}  // namespace pricewire::api
