#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/address_guard.hpp"

namespace pricewire::net {

struct NameServer {
    IpAddress address;
    std::uint16_t port = 53;
};

// "192.0.2.1", "192.0.2.1:5353", "2001:db8::1" or "[2001:db8::1]:5353". Error: what is accepted.
Result<NameServer> parse_name_server(std::string_view text);

// localhost and all names under it, in any case, with or without the root's dot: they mean this machine
// whatever a name server says (RFC 6761, section 6.3).
bool is_localhost(std::string_view host);

// The addresses of a host name (or address literal), by /etc/hosts and the name servers (those of
// /etc/resolv.conf if none are given); localhost is 127.0.0.1. Error if it does not resolve within
// `deadline_ms`, a server is invalid, or too many look-ups are pending. Blocking, any thread.
Result<std::vector<IpAddress>> resolve(const std::string& host, int deadline_ms,
                                       std::span<const std::string> servers = {});

}  // namespace pricewire::net
