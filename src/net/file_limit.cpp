#include "net/file_limit.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/log.hpp"

namespace pricewire::net {
namespace {

// With fewer connections in either direction it is no use to start.
constexpr std::size_t least_connections = 32;

}  // namespace

std::size_t file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw std::system_error(errno, std::generic_category(), "getrlimit");
    return static_cast<std::size_t>(limit.rlim_cur);
}

std::size_t raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw std::system_error(errno, std::generic_category(), "getrlimit");
    if (limit.rlim_cur != limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            log::warn("the number of open files cannot be raised",
                      {{"reason", std::generic_category().message(errno)}});
        }
    }
    return file_limit();
}

Result<FileShares> share_files(std::size_t limit, const FileNeeds& needs) {
    const std::size_t least = needs.fixed + std::min(needs.incoming, least_connections) +
                              std::min(needs.outgoing, least_connections);
    if (limit < least) {
        return fail(
            fmt::format("open files: the limit is {}, and at least {} are needed; raise it (ulimit -n, "
                        "LimitNOFILE of systemd, --ulimit nofile of docker)",
                        limit, least));
    }
    const std::size_t rest = limit - needs.fixed;
    FileShares out;
    // While a request connects to a host with several addresses it may have two sockets, and with many hosts
    // the client holds further descriptors: a seventh is added for both.
    const std::size_t for_webhooks =
        std::min(needs.outgoing + (needs.outgoing + 6) / 7 + needs.idle, rest / 2);
    out.idle = std::min(needs.idle, for_webhooks / 4);
    out.outgoing = std::min(needs.outgoing, (for_webhooks - out.idle) * 7 / 8);
    if (needs.outgoing > 0) out.outgoing = std::max<std::size_t>(out.outgoing, 1);
    out.incoming = std::min(needs.incoming, rest - for_webhooks);
    return out;
}

}  // namespace pricewire::net
