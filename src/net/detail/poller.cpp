#include "net/detail/poller.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <system_error>

namespace pricewire::net::detail {
namespace {

constexpr int max_wait_ms = 60'000;

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wake_;
    if (epoll_ >= 0 && wake_ >= 0 && epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0) return;
    const int error = errno;
    if (epoll_ >= 0) close(epoll_);
    if (wake_ >= 0) close(wake_);
    errno = error;
    throw_errno("outgoing connections cannot be watched");
}

Poller::~Poller() {
    close(wake_);
    close(epoll_);
}

bool Poller::watch(int fd, bool read, bool write, Source& source) noexcept {
    const auto at = static_cast<std::size_t>(fd);
    if (at >= watched_.size()) {
        if (!read && !write) return true;
        try {
            watched_.resize(std::max(at + 1, watched_.size() * 2));
        } catch (const std::bad_alloc&) {
            errno = ENOMEM;
            return false;
        }
    }
    Watched& watched = watched_[at];
    if (!read && !write) {
        // Fails if the descriptor is closed already; then there is nothing to remove.
        if (watched.source != nullptr) epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
        watched = {};
        return true;
    }
    const std::uint32_t events = (read ? EPOLLIN : 0U) | (write ? EPOLLOUT : 0U);
    if ((!watched.parked || watched.events != events) && !control(fd, watched, events)) return false;
    watched = {&source, events};
    return true;
}

void Poller::park(int fd) {
    const auto at = static_cast<std::size_t>(fd);
    if (at < watched_.size() && watched_[at].source != nullptr) watched_[at].parked = true;
}

bool Poller::control(int fd, const Watched& watched, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    const bool known = watched.source != nullptr;
    if (epoll_ctl(epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0) return true;
    // A descriptor closed without notice has left epoll; its number may be in use again.
    if (known && errno == ENOENT && epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return true;
    if (!known && errno == EEXIST && epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0) return true;
    return false;
}

bool Poller::wait(MonoTime until) {
    using std::chrono::milliseconds;
    const MonoTime now = std::chrono::steady_clock::now();
    // A difference to MonoTime::min() would overflow.
    const auto left = until <= now ? 0 : std::chrono::ceil<milliseconds>(until - now).count();
    std::array<epoll_event, 256> events;
    const int timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, max_wait_ms));
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), timeout);
    if (count < 0 && errno != EINTR) throw_errno("epoll_wait");
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        if (event.data.fd == wake_) {
            std::uint64_t times = 0;
            // Fails with EAGAIN if another turn has read it, which is as good.
            [[maybe_unused]] const ssize_t n = read(wake_, &times, sizeof times);
            continue;
        }
        const Watched watched = watched_[static_cast<std::size_t>(event.data.fd)];
        if (watched.parked) {
            watch(event.data.fd, false, false, *watched.source);
        } else if (watched.source != nullptr)
            watched.source->on_ready(event.data.fd, event.events);
    }
    return count == static_cast<int>(events.size());
}

void Poller::wake() {
    const std::uint64_t once = 1;
    // Fails with EAGAIN only if the counter is full, and then the reader is woken anyway.
    [[maybe_unused]] const ssize_t n = write(wake_, &once, sizeof once);
}

}  // namespace pricewire::net::detail
