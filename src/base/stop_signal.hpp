#pragma once

#include "base/clock.hpp"

namespace pricewire::inline base {

// Ends a thread's loop and its sleep between two rounds. Once set it stays set. Thread-safe.
class StopSignal {
public:
    StopSignal();  // throws std::system_error if the process has no file descriptor left
    ~StopSignal();
    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    void set();
    bool is_set() const { return wait_for(Duration::zero()); }
    // Waits until it is set, at most `time` (not negative, rounded up to milliseconds). Whether it is set.
    bool wait_for(Duration time) const;
    // Readable once it is set: to poll beside a socket.
    int fd() const { return fd_; }

private:
    const int fd_;
};

}  // namespace pricewire::inline base
