#pragma once

#include <algorithm>

#include "deliver/dispatcher.hpp"
#include "deliver/endpoints.hpp"
#include "net/http_client.hpp"

namespace pricewire::deliver {

inline EndpointPolicy policy_of(const SenderOptions& options, const net::HttpClient& client) {
    EndpointPolicy policy;
    // A request that waits in the client would spend its time-out there.
    policy.concurrency = std::min(options.concurrency, client.max_connections());
    policy.per_endpoint = options.per_endpoint;
    policy.exposed = options.exposed;
    policy.breaker = options.breaker;
    return policy;
}

inline void add_to(SenderStats& stats, const Endpoints& endpoints) {
    stats.in_flight = endpoints.in_flight();
    stats.waiting = endpoints.waiting();
    stats.exposed = endpoints.exposure().size();
    stats.open_breakers = endpoints.open_breakers();
    stats.half_open_breakers = endpoints.half_open_breakers();
    stats.endpoints_known = endpoints.known();
}

}  // namespace pricewire::deliver
