#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "net/ip_address.hpp"
#include "net/own_addresses.hpp"

namespace pricewire::net {

// Judges where a webhook may go. Cheap to copy; any thread.
//
// It refuses the ranges of the IANA special-purpose address registries that are not globally reachable,
// all of IPv6 outside 2000::/3, Azure's 168.63.129.16, and this machine's own addresses. An IPv6 address that
// contains an IPv4 address is judged by that one (mapped, NAT64's well-known prefix), and refused if
// the form is ambiguous or obsolete (compatible, translated, 6to4, Teredo, NAT64's
// local-use prefix).
class AddressGuard {
public:
    // `allowed` opens exactly the networks it names, whatever else would refuse their addresses: 127.0.0.0/8
    // opens 127.0.0.1 in every form that is judged by the address inside, ::/0 opens no IPv4 address,
    // 64:ff9b::/96 opens all that NAT64 reaches. `own` must not be null.
    explicit AddressGuard(std::vector<Network> allowed = {},
                          std::shared_ptr<OwnAddresses> own = OwnAddresses::of_this_machine());

    // nullopt if the address is allowed; else the rule that refuses it, such as
    // "127.0.0.1 is a loopback address (127.0.0.0/8)".
    std::optional<std::string> refuses(const IpAddress& address) const;

private:
    std::shared_ptr<const std::vector<Network>> allowed_;
    std::shared_ptr<OwnAddresses> own_;
};

}  // namespace pricewire::net
