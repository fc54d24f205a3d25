#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "storage/error.hpp"

namespace pricewire::storage::sql {

// Up to `most` connections, opened as needed, each used by one thread at a time. Thread-safe.
template <typename Connection>
class Connections {
public:
    explicit Connections(std::size_t most) : most_(most) {}

    // A connection for as long as this exists. Reset, it is closed instead of being used again.
    class Lease {
    public:
        Lease(Connections& all, std::unique_ptr<Connection> connection, bool was_idle)
            : all_(all), connection_(std::move(connection)), was_idle_(was_idle) {}
        ~Lease() { all_.give(std::move(connection_)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Connection* operator->() const { return connection_.get(); }
        Connection& operator*() const { return *connection_; }
        void reset() { connection_.reset(); }
        // Whether it had been used before.
        bool was_idle() const { return was_idle_; }

    private:
        Connections& all_;
        std::unique_ptr<Connection> connection_;
        bool was_idle_;
    };

    // An idle connection that is usable(connection), one that is preferred(connection) if there is any, or one that
    // open() gives. Waits if all are in use, until the deadline if there is one; throws StorageError then.
    template <typename Usable, typename Open>
    Lease take(std::optional<MonoTime> deadline, Usable usable, Open open) {
        return take(deadline, usable, open, [](const Connection&) { return true; });
    }
    template <typename Usable, typename Open, typename Preferred>
    Lease take(std::optional<MonoTime> deadline, Usable usable, Open open, Preferred preferred) {
        while (auto idle = take_idle(deadline, preferred)) {
            if (usable(*idle)) return {*this, std::move(idle), true};
            give(nullptr);
        }
        try {
            return {*this, open(), false};
        } catch (...) {
            give(nullptr);
            throw;
        }
    }

private:
    // Null if one may be opened.
    template <typename Preferred>
    std::unique_ptr<Connection> take_idle(std::optional<MonoTime> deadline, Preferred preferred) {
        MutexLock lock(mutex_);
        const auto ready = [&]() REQUIRES(mutex_) { return !idle_.empty() || open_ < most_; };
        if (!deadline) {
            freed_.wait(lock, ready);
        } else if (!freed_.wait_until(lock, *deadline, ready)) {
            throw StorageError("database: all connections are in use, and none became free in time");
        }
        if (idle_.empty()) {
            ++open_;
            return nullptr;
        }
        // The most recently used one has the warmest caches.
        auto found =
            std::find_if(idle_.rbegin(), idle_.rend(), [&](const auto& idle) { return preferred(*idle); });
        if (found == idle_.rend()) found = idle_.rbegin();
        auto connection = std::move(*found);
        idle_.erase(std::next(found).base());
        return connection;
    }
    // Null: it was closed.
    void give(std::unique_ptr<Connection> connection) {
        {
            MutexLock lock(mutex_);
            if (connection) {
                idle_.push_back(std::move(connection));
            } else {
                --open_;
            }
        }
        freed_.notify_one();
    }

    const std::size_t most_;
    Mutex mutex_;
    CondVar freed_;
    std::vector<std::unique_ptr<Connection>> idle_ GUARDED_BY(mutex_);
    std::size_t open_ GUARDED_BY(mutex_) = 0;
};

}  // namespace pricewire::storage::sql
