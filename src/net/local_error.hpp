#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/ip_address.hpp"

namespace pricewire::net {

// What this process or machine lacks when something fails that says nothing about the peer.
enum class LocalCause : std::uint8_t {
    files,
    memory,
    ports,
    network,
    route,
    permission,
    name_servers,
    certificates,
    connections,
    processor,
};

struct LocalCauseRow {
    LocalCause cause;
    std::string_view name;   // the label of metrics, and the row of the table in docs/operations.md
    std::string_view words;  // completes "Pricewire itself could not send: …"
    // Whether it affects whatever is sent, so that the process is degraded while it lasts. The others depend
    // on where a request goes, which users decide.
    bool affects_all;
};

// In the order of the enum.
inline constexpr std::array<LocalCauseRow, 10> local_causes{{
    {LocalCause::files, "files", "it may not open any more files", true},
    {LocalCause::memory, "memory", "it is out of memory", true},
    {LocalCause::ports, "ports", "no local port is free", true},
    {LocalCause::network, "network", "its machine has no network", true},
    {LocalCause::route, "route", "its machine has no route to the receiver's address", false},
    {LocalCause::permission, "permission", "its machine forbids the connection", false},
    {LocalCause::name_servers, "name_servers", "none of its name servers answers", true},
    {LocalCause::certificates, "certificates", "its list of trusted certificates cannot be read", true},
    {LocalCause::connections, "connections", "no connection was free in time", false},
    {LocalCause::processor, "processor", "its machine was too busy", false},
}};
constexpr const LocalCauseRow& row_of(LocalCause cause) {
    return local_causes[static_cast<std::size_t>(cause)];
}

// The cause that an errno names wherever it comes from; nullopt if the peer can cause it, too.
std::optional<LocalCause> local_cause(int error);

// 0 if the kernel would send to the address, or its errno. Sends nothing.
using RouteCheck = std::function<int(const IpAddress&)>;
int check_route(const IpAddress& address);

// The same for a connect() that failed with `error` after all of `addresses` had been tried. A host that
// cannot be reached is the receiver's lack, unless our own kernel refuses to send to each of its addresses: a
// router's or the receiver's answer cannot make it.
std::optional<LocalCause> local_connect_cause(int error, std::span<const IpAddress> addresses,
                                              const RouteCheck& route = check_route);

// Whether no descriptor or no memory is free at present: for libraries that do not report errno.
std::optional<LocalCause> exhausted();

}  // namespace pricewire::net
