#include "queue/rabbitmq/wake.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace pricewire::queue {

Wake::Wake() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Wake::~Wake() {
    close(fd_);
}

void Wake::wake() {
    const std::uint64_t one = 1;
    // Fails only if the counter is at its maximum, in which case it is awake anyway.
    [[maybe_unused]] const auto written = write(fd_, &one, sizeof one);
}

void Wake::wait(int socket, MonoTime until) {
    using std::chrono::milliseconds;
    const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
    const auto wait = std::clamp(left, milliseconds{0}, milliseconds{60'000});
    std::array<pollfd, 2> fds{pollfd{fd_, POLLIN, 0}, pollfd{socket, POLLIN, 0}};
    poll(fds.data(), fds.size(), static_cast<int>(wait.count()));
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
}

void SocketCut::watch(int socket) {
    MutexLock lock(mutex_);
    if (socket_ >= 0) close(socket_);
    socket_ = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (cut_ && socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

void SocketCut::clear() {
    MutexLock lock(mutex_);
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
}

void SocketCut::cut() {
    MutexLock lock(mutex_);
    cut_ = true;
    if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

}  // namespace pricewire::queue
