#include "base/stop_signal.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace pricewire::inline base {

StopSignal::StopSignal() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

StopSignal::~StopSignal() {
    close(fd_);
}

void StopSignal::set() {
    eventfd_write(fd_, 1);  // fails only if it has been set some 2^64 times
}

bool StopSignal::wait_for(Duration time) const {
    using std::chrono::milliseconds;
    const auto until = std::chrono::steady_clock::now() + time;
    auto left = std::chrono::ceil<milliseconds>(time);
    while (true) {
        pollfd waiting{fd_, POLLIN, 0};
        // In pieces of an hour, which fit in poll's int.
        const int ready =
            poll(&waiting, 1,
                 static_cast<int>(std::clamp(left, milliseconds{0}, milliseconds{3'600'000}).count()));
        if (ready > 0) return true;
        left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
        if (left <= milliseconds{0}) return false;
    }
}

}  // namespace pricewire::inline base
