#pragma once

#include <string>

#include "base/clock.hpp"
#include "deliver/endpoints.hpp"
#include "domain/delivery.hpp"

namespace pricewire::deliver {

// A delivery that a dispatcher has claimed: it waits for its turn, or its attempt is under way.
struct Held {
    ClaimedDelivery claimed;
    Timestamp lease_until;
    Endpoints::Endpoint* endpoint = nullptr;
    unsigned lane = 0;
    Timestamp started_at{};
    std::string request_headers{};
    std::string request_body{};
    bool in_flight = false;
    bool goes_to(const Uuid& user, const std::string& url) const {
        return claimed.alert.user_id == user && claimed.alert.webhook_url == url;
    }
};

}  // namespace pricewire::deliver
