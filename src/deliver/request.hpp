#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/delivery.hpp"
#include "net/http_client.hpp"
#include "secrets/secret_box.hpp"

namespace pricewire::deliver {

// The POST of one attempt that starts at `now`: the delivery's payload, its id as webhook-id, and a signature
// for this time with the user's secret, which `secrets` opens. Time-out, TLS and guard are left to the
// caller. `traced_percent` as in SenderOptions. Error: the secret cannot be opened or is not valid; the message does not
// contain it.
Result<net::HttpRequest> webhook_request(const ClaimedDelivery& delivery, const secrets::SecretBox& secrets,
                                         Timestamp now, const std::string& user_agent,
                                         int traced_percent = 0);

// The URL that it goes to: its alert's, or its device's.
inline const std::string& destination(const ClaimedDelivery& delivery) {
    return delivery.push ? delivery.push->endpoint : delivery.alert.webhook_url;
}

// Why it waits, before the reason why its request cannot be made.
inline std::string cannot_be_made(const ClaimedDelivery& delivery) {
    return delivery.push ? "the push cannot be made: " : "the webhook cannot be signed: ";
}

// Whether both go to one URL of a user's, or to one device: what ends there for one ends for the other.
bool go_together(const ClaimedDelivery& a, const ClaimedDelivery& b);
// As if it had been read after that end.
void close_destination(ClaimedDelivery& delivery, Timestamp now);

// The trace of a delivery's webhooks: its alert's, or for alerts made before traces existed one of its own,
// the same on every attempt.
TraceContext trace_of(const ClaimedDelivery& delivery);

// The headers of a request as stored and shown: a JSON object in which each signature is reduced to its
// scheme ("v1,…"), and a push's token to "…".
std::string kept_headers(const net::Headers& headers);

// The host in a URL of any shape, for the log; never its path, query or password.
std::string host_in(std::string_view url);

}  // namespace pricewire::deliver
