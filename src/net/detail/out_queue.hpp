#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.hpp"

namespace pricewire::net::detail {

// The outgoing data of a connection: any thread adds, the worker's thread takes.
class OutQueue {
public:
    struct Item {
        std::shared_ptr<const std::string> data;
        bool ping = false;    // of a WebSocket
        bool binary = false;  // likewise
    };

    // Any thread. True if the worker has to be woken.
    bool add(Item item) {
        bytes_.fetch_add(item.data->size(), std::memory_order_relaxed);
        MutexLock lock(mutex_);
        incoming_.push_back(std::move(item));
        return !std::exchange(woken_, true);
    }
    std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

    // The worker's thread: everything added so far, oldest first.
    std::deque<Item>& take() {
        MutexLock lock(mutex_);
        for (Item& item : incoming_) outgoing_.push_back(std::move(item));
        incoming_.clear();
        woken_ = false;
        return outgoing_;
    }
    // The worker's thread: the first `count` have been written.
    void pop(std::size_t count) {
        for (; count > 0; --count) {
            bytes_.fetch_sub(outgoing_.front().data->size(), std::memory_order_relaxed);
            outgoing_.pop_front();
        }
    }

private:
    Mutex mutex_;
    std::deque<Item> incoming_ GUARDED_BY(mutex_);
    bool woken_ GUARDED_BY(mutex_) = false;
    std::deque<Item> outgoing_;
    std::atomic<std::size_t> bytes_ = 0;
};

}  // namespace pricewire::net::detail
