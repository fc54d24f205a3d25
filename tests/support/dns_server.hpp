#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/ip_address.hpp"

namespace pricewire::test {

// What a name server says to one query.
struct DnsAnswer {
    enum class Kind { addresses, silence, no_such_name, server_failure };
    Kind kind = Kind::addresses;
    std::vector<net::IpAddress> addresses;  // IPv4 ones answer A, the others AAAA; either may be absent
    std::uint32_t ttl_seconds = 0;
    bool mapped = false;  // IPv4 addresses answer AAAA instead, as ::ffff:a.b.c.d

    static DnsAnswer of(const std::vector<std::string>& addresses, std::uint32_t ttl_seconds = 0);
    static DnsAnswer silence() { return {.kind = Kind::silence, .addresses = {}}; }
    static DnsAnswer no_such_name() { return {.kind = Kind::no_such_name, .addresses = {}}; }
    static DnsAnswer server_failure() { return {.kind = Kind::server_failure, .addresses = {}}; }
};

// A DNS server (RFC 1035, UDP, A and AAAA) on loopback with a thread of its own. Names that it does not know
// of do not exist. Methods are for any thread. Errors of sockets at the start are thrown as
// std::runtime_error.
class DnsServer {
public:
    DnsServer();
    ~DnsServer();
    DnsServer(const DnsServer&) = delete;
    DnsServer& operator=(const DnsServer&) = delete;

    // The n-th query of each type (A, AAAA) for `name` gets the n-th answer, further ones the last. `name` in
    // lower case, without a trailing dot. Not empty. Replaces the earlier answers and resets the count.
    void set(const std::string& name, std::vector<DnsAnswer> answers);
    std::string address() const;  // "127.0.0.1:port"
    std::int64_t queries() const;
    std::int64_t queries(const std::string& name) const;  // of either type, since it was set

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pricewire::test
