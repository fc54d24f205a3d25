#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace pricewire::queue {

// Wakes a thread that waits for a socket. wake() is thread-safe.
class Wake {
public:
    Wake();  // throws std::system_error if no file descriptor is available
    ~Wake();
    Wake(const Wake&) = delete;
    Wake& operator=(const Wake&) = delete;

    void wake();
    // Returns when woken, when `socket` (-1 for none) is readable, or at `until`.
    void wait(int socket, MonoTime until);

private:
    const int fd_;
};

// Aborts reads and writes of a thread on its socket from another thread.
class SocketCut {
public:
    SocketCut() = default;
    ~SocketCut() { clear(); }
    SocketCut(const SocketCut&) = delete;
    SocketCut& operator=(const SocketCut&) = delete;

    // Sets the thread's socket, which is cut at once if cut() was called before. It is duplicated, so that
    // its owner may close it at any time.
    void watch(int socket);
    void clear();
    // Permanently.
    void cut();

private:
    Mutex mutex_;
    int socket_ GUARDED_BY(mutex_) = -1;
    bool cut_ GUARDED_BY(mutex_) = false;
};

}  // namespace pricewire::queue
