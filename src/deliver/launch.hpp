#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace pricewire::deliver {

// Requests for deliveries that are being committed: made ready meanwhile, they start at the commit, on the thread that
// says so, or never. Thread-safe.
class Launch {
public:
    using Start = std::move_only_function<void()>;

    explicit Launch(MonoTime made_at) : made_at_(made_at) {}

    // Starts it at once after go(), drops it after cancel().
    void add(Start start) {
        {
            MutexLock lock(mutex_);
            if (state_ == State::cancelled) return;
            if (state_ == State::waits) return starts_.push_back(std::move(start));
        }
        start();
    }
    // False, and nothing starts, if it was cancelled or is old: its requests say when they were made.
    bool go(MonoTime now) {
        std::vector<Start> starts;
        {
            MutexLock lock(mutex_);
            if (state_ == State::waits) state_ = now - made_at_ < most_age ? State::gone : State::cancelled;
            if (state_ == State::cancelled) return false;
            starts.swap(starts_);
        }
        for (Start& start : starts) start();
        return true;
    }
    // False if it has gone.
    bool cancel() {
        MutexLock lock(mutex_);
        if (state_ == State::gone) return false;
        state_ = State::cancelled;
        starts_.clear();
        return true;
    }

private:
    enum class State : std::uint8_t { waits, gone, cancelled };
    static constexpr Duration most_age = std::chrono::seconds{1};

    const MonoTime made_at_;
    Mutex mutex_;
    State state_ GUARDED_BY(mutex_) = State::waits;
    std::vector<Start> starts_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::deliver
