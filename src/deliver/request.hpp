#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"

namespace pricewire {

// The POST of one attempt that starts at `now`: the delivery's payload, its id as webhook-id, and the
// signature of this moment. Time-out, TLS and guard are left to the caller. Error: the user's webhook secret
// cannot be read.
Result<net::HttpRequest> webhook_request(const ClaimedDelivery& delivery, Timestamp now,
                                         const std::string& user_agent);

// The host in a URL of any shape, for the log; never its path, query or password.
std::string host_in(std::string_view url);

}  // namespace pricewire
