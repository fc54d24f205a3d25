#pragma once

#include <string>
#include <vector>

#include "net/http_server.hpp"

namespace pricewire::api {

// Who is asking. X-Forwarded-For counts only where the socket's peer is a trusted proxy; then it is read from
// the right, and the first address that is no trusted proxy is the client. What stands left of it, anybody
// can write.
net::IpAddress client_address(const net::ServerRequest& request, const std::vector<net::Network>& trusted);

// What limits by IP count: an IPv4 address, or an IPv6 /64, which is what one customer gets (RFC 6177).
std::string address_key(const net::IpAddress& address);

}  // namespace pricewire::api
