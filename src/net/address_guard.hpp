#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

struct sockaddr;

namespace pricewire::net {

// An IPv4 or IPv6 address; IPv4 is held as IPv4-mapped IPv6 (::ffff:a.b.c.d), so both compare alike.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    bool is_v4() const;
    std::string to_string() const;
    // Dotted quad or RFC 4291 text; no brackets, no zone, no other spelling.
    static std::optional<IpAddress> parse(std::string_view text);
    static std::optional<IpAddress> from_sockaddr(const sockaddr& address);
    friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

// "10.0.0.0/8", "fd00::/8", or a bare address.
struct Network {
    IpAddress base;
    int prefix = 128;  // counted in the 128-bit form
    bool contains(const IpAddress& address) const;
    std::string to_string() const;
    static Result<Network> parse(std::string_view text);
};

// Judges where a webhook may go. Pure and immutable, any thread.
class AddressGuard {
public:
    explicit AddressGuard(std::vector<Network> allowed = {}) : allowed_(std::move(allowed)) {}
    // nullopt where the address is allowed; else the rule that refuses it, such as
    // "127.0.0.1 is a loopback address (127.0.0.0/8)". Source of the ranges: the IANA special-purpose address
    // registries.
    std::optional<std::string> refuses(const IpAddress& address) const;

private:
    std::vector<Network> allowed_;
};

// The addresses a host name (or address literal) stands for, or an error where it does not resolve within
// `deadline`. Blocking; for threads that may wait.
Result<std::vector<IpAddress>> resolve(const std::string& host, int deadline_ms);

}  // namespace pricewire::net
