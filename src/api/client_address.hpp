#pragma once

#include <string>
#include <vector>

#include "net/http_server.hpp"

namespace pricewire::api {

// The client's address. X-Forwarded-For counts only if the socket's peer is a trusted proxy; then the
// rightmost address that is not a trusted proxy is the client. Clients can forge everything to the left of
// it.
net::IpAddress client_address(const net::ServerRequest& request, const std::vector<net::Network>& trusted);

// Whether a proxy seems to have passed the request on that is not trusted: it names its client and comes from
// a loopback or private address. Then all that proxy's clients share one limit.
bool from_unknown_proxy(const net::ServerRequest& request, const std::vector<net::Network>& trusted);

// The key of limits by IP: an IPv4 address, or an IPv6 /64, the usual allocation of one customer (RFC 6177).
std::string address_key(const net::IpAddress& address);

}  // namespace pricewire::api
