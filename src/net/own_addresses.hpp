#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "net/ip_address.hpp"

namespace pricewire::net {

// The addresses of this machine's interfaces (getifaddrs(3)), including those that are down.
Result<std::vector<IpAddress>> read_own_addresses();

// The result of read_own_addresses(), kept for `refresh`: interfaces come and go while a process runs,
// and the guard asks at every connection. An address that a NAT in front of this machine has is not among
// them. Any thread.
class OwnAddresses {
public:
    using Read = std::function<Result<std::vector<IpAddress>>()>;

    // Reads at once; throws std::runtime_error if that fails. If a later read fails, it logs that and keeps
    // the last list.
    explicit OwnAddresses(Read read = &read_own_addresses, const Clock& clock = system_clock(),
                          Duration refresh = std::chrono::seconds{5});

    // True if `address` is, or was within `refresh`, one of this machine's.
    bool contains(const IpAddress& address);

    // Shared by all guards that are not given another one.
    static std::shared_ptr<OwnAddresses> of_this_machine();

private:
    void refresh_if_due();

    const Read read_;
    const Clock& clock_;
    const Duration refresh_;
    Mutex mutex_;
    MonoTime read_at_ GUARDED_BY(mutex_);
    std::vector<IpAddress> addresses_ GUARDED_BY(mutex_);  // sorted
};

}  // namespace pricewire::net
