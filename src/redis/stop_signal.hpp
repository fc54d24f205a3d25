#pragma once

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace pricewire::redis {

// Ends a thread's loop, and its sleep between two tries. Thread-safe.
class StopSignal {
public:
    void set() {
        {
            MutexLock lock(mutex_);
            stopped_ = true;
        }
        changed_.notify_all();
    }
    bool is_set() const {
        MutexLock lock(mutex_);
        return stopped_;
    }
    // Whether it was set within that time.
    bool wait_for(Duration time) {
        MutexLock lock(mutex_);
        return changed_.wait_for(lock, time, [&]() REQUIRES(mutex_) { return stopped_; });
    }

private:
    mutable Mutex mutex_;
    CondVar changed_;
    bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace pricewire::redis
