#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct sockaddr;

namespace pricewire::net {

// An IPv4 or IPv6 address; IPv4 is held as IPv4-mapped IPv6 (::ffff:a.b.c.d), so both compare alike.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    bool is_v4() const;
    std::string to_string() const;
    // The address under which a client counts: an IPv4 address itself, of an IPv6 one its /64, which one
    // customer usually has (RFC 6177).
    IpAddress client() const;
    static IpAddress v4(const std::uint8_t* four);  // in the network's order
    // Dotted quad or RFC 4291 text; no brackets, no zone, no other spelling.
    static std::optional<IpAddress> parse(std::string_view text);
    static std::optional<IpAddress> from_sockaddr(const sockaddr& address);
    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

// "10.0.0.0/8", "fd00::/8", or a bare address. A network holds addresses of its own family only: ::/0 is all
// of IPv6 and none of IPv4, whose addresses are held as if they were within it.
struct Network {
    IpAddress base;
    int prefix = 128;  // counted in the 128-bit form
    bool is_v4() const { return prefix >= 96 && base.is_v4(); }
    bool contains(const IpAddress& address) const;
    std::string to_string() const;
    static Result<Network> parse(std::string_view text);
};

}  // namespace pricewire::net
