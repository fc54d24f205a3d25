#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace pricewire::queue {

// Wakes a thread that waits for a socket. Any thread may call wake().
class Wake {
public:
    Wake();  // throws std::system_error where the process has no file descriptor left
    ~Wake();
    Wake(const Wake&) = delete;
    Wake& operator=(const Wake&) = delete;

    void wake();
    // Returns when it was woken, when `socket` (-1 for none) has something to read, or at `until`.
    void wait(int socket, MonoTime until);

private:
    const int fd_;
};

// Ends what a thread does on its socket, reading and writing both, from another thread.
class SocketCut {
public:
    SocketCut() = default;
    ~SocketCut() { clear(); }
    SocketCut(const SocketCut&) = delete;
    SocketCut& operator=(const SocketCut&) = delete;

    // The thread's socket from now on; cut at once where cut() was called before. It is duplicated, so that
    // its owner may close it at any time.
    void watch(int socket);
    void clear();
    // For good.
    void cut();

private:
    Mutex mutex_;
    int socket_ GUARDED_BY(mutex_) = -1;
    bool cut_ GUARDED_BY(mutex_) = false;
};

}  // namespace pricewire::queue
