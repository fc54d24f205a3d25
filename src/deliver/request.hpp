#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"
#include "secrets/secret_box.hpp"

namespace pricewire::deliver {

// The POST of one attempt that starts at `now`: the delivery's payload, its id as webhook-id, and the
// signature of this moment, under the user's secret as `secrets` opens it. Time-out, TLS and guard are left
// to the caller. Error: the secret cannot be opened or read; the text does not show it.
Result<net::HttpRequest> webhook_request(const ClaimedDelivery& delivery, const secrets::SecretBox& secrets,
                                         Timestamp now, const std::string& user_agent);

// The trace that a delivery's webhooks belong to: its alert's, or, of an alert from before there were any,
// one of its own that is the same on every attempt.
TraceContext trace_of(const ClaimedDelivery& delivery);

// The headers of a request as they are kept and shown: a JSON object in which of each signature only the
// scheme is left ("v1,…").
std::string kept_headers(const net::Headers& headers);

// The host in a URL of any shape, for the log; never its path, query or password.
std::string host_in(std::string_view url);

}  // namespace pricewire::deliver
