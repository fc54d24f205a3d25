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
    // What /health says while it lasts, if it affects whatever is sent. The others depend on where a request
    // goes, which users decide, or end by themselves.
    std::string_view health;
};

// In the order of the enum.
inline constexpr std::array<LocalCauseRow, 10> local_causes{{
    {LocalCause::files, "files", "it may not open any more files", "the process may not open any more files"},
    {LocalCause::memory, "memory", "it is out of memory", "the process is out of memory"},
    {LocalCause::ports, "ports", "no local port is free", "no local port is free"},
    {LocalCause::network, "network", "its machine has no network", "the machine has no network"},
    {LocalCause::route, "route", "its machine has no route to the receiver's address", {}},
    {LocalCause::permission, "permission", "its machine forbids the connection", {}},
    {LocalCause::name_servers, "name_servers", "none of its name servers answers", "no name server answers"},
    {LocalCause::certificates, "certificates", "its list of trusted certificates cannot be read",
     "the list of trusted certificates cannot be read"},
    {LocalCause::connections, "connections", "no connection was free in time", {}},
    {LocalCause::processor, "processor", "its machine was too busy", {}},
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
