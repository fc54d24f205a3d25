#pragma once

#include <condition_variable>
#include <mutex>

#include "base/clock.hpp"

namespace pricewire::redis {

// Ends a thread's loop, and its sleep between two tries. Thread-safe.
class StopSignal {
public:
    void set() {
        {
            std::lock_guard lock(mutex_);
            stopped_ = true;
        }
        changed_.notify_all();
    }
    bool is_set() const {
        std::lock_guard lock(mutex_);
        return stopped_;
    }
    // Whether it was set within that time.
    bool wait_for(Duration time) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, time, [&] { return stopped_; });
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool stopped_ = false;
};

}  // namespace pricewire::redis
