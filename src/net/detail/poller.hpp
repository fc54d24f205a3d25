#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace pricewire::net::detail {

// epoll(7) over the file descriptors of several sources: the cost of a turn depends on how many are ready,
// not on how many are open. Used by one thread, apart from wake().
class Poller {
public:
    class Source {
    public:
        // `events` are epoll's (EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP). It may be a late report
        // of a descriptor that was closed and opened again within one turn.
        virtual void on_ready(int fd, std::uint32_t events) = 0;

    protected:
        ~Source() = default;
    };

    // Throws std::system_error if the system has no descriptors left.
    Poller();
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // Reports `fd` to `source` from now on; stops if both are false, which must happen before `fd` is closed.
    // Level-triggered. False, with errno set, if the system cannot watch it.
    bool watch(int fd, bool read, bool write, Source& source) noexcept;
    // No longer reports `fd`, which is likely to be watched for the same again soon; costs nothing until
    // something comes. watch() with both false must follow before `fd` is closed.
    void park(int fd);
    // Waits until something is ready, wake() or `until`, and reports it. True if more may be ready.
    bool wait(MonoTime until);
    // Ends the current or the next wait(). Any thread.
    void wake();

private:
    struct Watched {
        Source* source = nullptr;
        std::uint32_t events = 0;
        bool parked = false;
    };
    bool control(int fd, const Watched& watched, std::uint32_t events) const;

    int epoll_ = -1;
    int wake_ = -1;
    std::vector<Watched> watched_;  // by descriptor
};

}  // namespace pricewire::net::detail
