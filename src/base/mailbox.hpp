#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"

namespace pricewire::inline base {

// A message queue from any number of threads to the one thread that owns the data the messages change.
// Messages of one sender arrive in order. The lock is held only to move a message in or to swap the batch
// out. Bounded: push() waits while `capacity` messages are unread, which is the back-pressure.
template <typename T>
class Mailbox {
public:
    explicit Mailbox(std::size_t capacity = std::size_t{1} << 20) : capacity_(capacity) {}
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;

    // False after close(): the message was not taken.
    bool push(T message) {
        MutexLock lock(mutex_);
        room_.wait(lock, [&]() REQUIRES(mutex_) { return closed_ || messages_.size() < capacity_; });
        if (closed_) return false;
        messages_.push_back(std::move(message));
        const bool wake = messages_.size() == 1;
        lock.unlock();
        if (wake) filled_.notify_one();
        return true;
    }

    // False if it is full or closed: for messages that may be dropped.
    bool try_push(T message) {
        MutexLock lock(mutex_);
        if (closed_ || messages_.size() >= capacity_) return false;
        messages_.push_back(std::move(message));
        const bool wake = messages_.size() == 1;
        lock.unlock();
        if (wake) filled_.notify_one();
        return true;
    }

    // Swaps all unread messages into `out` (cleared first), waiting for one until `deadline`, if given.
    // False if nothing came in time, or if the box is closed and empty.
    bool drain(std::vector<T>& out, std::optional<MonoTime> deadline = std::nullopt) {
        out.clear();
        MutexLock lock(mutex_);
        const auto ready = [&]() REQUIRES(mutex_) { return closed_ || !messages_.empty(); };
        if (deadline) {
            filled_.wait_until(lock, *deadline, ready);
        } else {
            filled_.wait(lock, ready);
        }
        if (messages_.empty()) return false;
        out.swap(messages_);
        lock.unlock();
        room_.notify_all();
        return true;
    }

    // Waits without taking messages. True once the box is closed, false if it is still open at `deadline`.
    bool wait_closed(MonoTime deadline) {
        MutexLock lock(mutex_);
        return filled_.wait_until(lock, deadline, [&]() REQUIRES(mutex_) { return closed_; });
    }

    // Takes no more messages; unread ones can still be drained.
    void close() {
        {
            MutexLock lock(mutex_);
            closed_ = true;
        }
        filled_.notify_all();
        room_.notify_all();
    }

    bool closed() const {
        MutexLock lock(mutex_);
        return closed_;
    }
    std::size_t size() const {
        MutexLock lock(mutex_);
        return messages_.size();
    }

private:
    const std::size_t capacity_;
    mutable Mutex mutex_;
    CondVar filled_;
    CondVar room_;
    std::vector<T> messages_ GUARDED_BY(mutex_);
    bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace pricewire::inline base
