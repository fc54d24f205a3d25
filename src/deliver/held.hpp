#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/clock.hpp"
#include "deliver/endpoints.hpp"
#include "deliver/launch.hpp"
#include "deliver/request.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"
#include "push/message.hpp"

namespace pricewire::deliver {

// A delivery that a dispatcher has claimed: it waits for its turn, or its attempt is under way.
struct Held {
    ClaimedDelivery claimed;
    Timestamp lease_until;
    Endpoints::Endpoint* endpoint = nullptr;
    unsigned lane = 0;
    Timestamp started_at{};
    std::string request_headers{};
    std::string request_body{};  // of a push before it was encrypted
    bool in_flight = false;
    std::shared_ptr<Launch> launch{};  // while it is not known to be committed

    void begin_attempt(const net::HttpRequest& request, Timestamp now) {
        started_at = now;
        request_headers = kept_headers(request.headers);
        request_body = claimed.push ? push::push_message(claimed) : request.body;
        in_flight = true;
    }
    // What was sent, without the result; it is not kept here any longer.
    Attempt take_attempt() {
        return {.delivery_id = claimed.id,
                .number = claimed.attempt,
                .started_at = started_at,
                .request_headers = std::move(request_headers),
                .request_body = std::move(request_body)};
    }
    bool goes_to(const Uuid& user, const std::string& url) const {
        return !claimed.push && claimed.alert.user_id == user && claimed.alert.webhook_url == url;
    }
};

using HeldById = std::unordered_map<Uuid, Held>;

}  // namespace pricewire::deliver
