#include "net/own_addresses.hpp"

#include <ifaddrs.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "base/log.hpp"

namespace pricewire::net {

Result<std::vector<IpAddress>> read_own_addresses() {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) {
        return fail("this machine's addresses cannot be read: " + std::generic_category().message(errno));
    }
    std::vector<IpAddress> out;
    for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
        if (at->ifa_addr == nullptr) continue;
        if (const auto address = IpAddress::from_sockaddr(*at->ifa_addr)) out.push_back(*address);
    }
    freeifaddrs(list);
    return out;
}

OwnAddresses::OwnAddresses(Read read, const Clock& clock, Duration refresh)
    : read_(std::move(read)), clock_(clock), refresh_(refresh), read_at_(clock.mono()) {
    auto addresses = read_();
    if (!addresses) throw std::runtime_error(addresses.error().message);
    addresses_ = std::move(*addresses);
    std::sort(addresses_.begin(), addresses_.end());
}

bool OwnAddresses::contains(const IpAddress& address) {
    refresh_if_due();
    MutexLock lock(mutex_);
    return std::binary_search(addresses_.begin(), addresses_.end(), address);
}

void OwnAddresses::refresh_if_due() {
    const MonoTime now = clock_.mono();
    {
        MutexLock lock(mutex_);
        if (now - read_at_ < refresh_) return;
        // This thread reads; the others use the last list meanwhile.
        read_at_ = now;
    }
    auto addresses = read_();
    if (!addresses) {
        log::warn("the list of this machine's addresses is not up to date",
                  {{"reason", addresses.error().message}});
        return;
    }
    std::sort(addresses->begin(), addresses->end());
    MutexLock lock(mutex_);
    addresses_ = std::move(*addresses);
}

std::shared_ptr<OwnAddresses> OwnAddresses::of_this_machine() {
    static const auto own = std::make_shared<OwnAddresses>();
    return own;
}

}  // namespace pricewire::net
