#include "net/local_error.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pricewire::net {
namespace {

// Root name servers, which are neither ours nor a user's: addresses that any default route leads to.
bool has_network(const RouteCheck& route) {
    static const std::array anywhere{IpAddress::parse("198.41.0.4").value(),
                                     IpAddress::parse("2001:503:ba3e::2:30").value()};
    return std::ranges::any_of(anywhere, [&](const IpAddress& a) { return route(a) == 0; });
}

// Errors by which the kernel refuses an address, though some can also come back from the network.
bool may_be_route(int error) {
    static constexpr std::array all{ENETUNREACH, ENETDOWN, EHOSTUNREACH, EACCES,
                                    EINVAL,      EPERM,    EAFNOSUPPORT, EADDRNOTAVAIL};
    return std::ranges::find(all, error) != all.end();
}

}  // namespace

std::optional<LocalCause> local_cause(int error) {
    switch (error) {
        case EMFILE:
        case ENFILE:
            return LocalCause::files;
        case ENOMEM:
        case ENOBUFS:
            return LocalCause::memory;
        default:
            return std::nullopt;
    }
}

int check_route(const IpAddress& address) {
    const int fd = socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    int result = 0;
    if (address.is_v4()) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(9);
        std::memcpy(&to.sin_addr, address.bytes.data() + 12, 4);
        result = connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    } else {
        sockaddr_in6 to{};
        to.sin6_family = AF_INET6;
        to.sin6_port = htons(9);
        std::memcpy(&to.sin6_addr, address.bytes.data(), 16);
        result = connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    }
    const int error = result == 0 ? 0 : errno;
    close(fd);
    return error;
}

std::optional<LocalCause> local_connect_cause(int error, std::span<const IpAddress> addresses,
                                              const RouteCheck& route) {
    if (const auto cause = local_cause(error)) return cause;
    // Linux gives these for a TCP connection that finds no port.
    const bool no_port = error == EADDRNOTAVAIL || error == EADDRINUSE || error == EAGAIN;
    if (!no_port && !may_be_route(error)) return std::nullopt;
    std::optional<int> refusal;
    for (const IpAddress& address : addresses) {
        refusal = route(address);
        if (*refusal != 0) continue;
        if (no_port) return LocalCause::ports;
        // Only a local firewall gives EPERM.
        if (error == EPERM) return LocalCause::permission;
        return std::nullopt;
    }
    if (!refusal) return std::nullopt;
    if (const auto cause = local_cause(*refusal)) return cause;
    if (*refusal == EACCES || *refusal == EPERM) return LocalCause::permission;
    return has_network(route) ? LocalCause::route : LocalCause::network;
}

std::optional<LocalCause> exhausted() {
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return local_cause(errno);
    close(fd);
    // More than any library needs for one request.
    // Volatile, or the compiler leaves both calls out.
    void* volatile some = std::malloc(std::size_t{1} << 20);
    if (some == nullptr) return LocalCause::memory;
    std::free(some);
    return std::nullopt;
}

}  // namespace pricewire::net
