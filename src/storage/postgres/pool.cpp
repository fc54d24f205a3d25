#include "storage/postgres/pool.hpp"

#include <random>
#include <thread>

#include "base/backoff.hpp"

namespace pricewire::storage::postgres {

Pool::Pool(const PostgresOptions& options) : options_(options) {}

bool Pool::should_retry(const pqxx::sql_error& error) {
    return error.sqlstate() == "40001" || error.sqlstate() == "40P01";
}

void Pool::pause(int tries) {
    static thread_local Rng rng{std::random_device{}()};
    constexpr BackoffPolicy policy{std::chrono::milliseconds{5}, std::chrono::milliseconds{100}};
    std::this_thread::sleep_for(policy.full_jitter(tries, rng));
}

void Pool::Lease::undo() const {
    try {
        if (connection_->in_transaction()) connection_->rollback();
    } catch (const pqxx::failure&) {
        // The server rolls back when the connection ends.
        connection_.reset();
    }
}

std::unique_ptr<Connection> Pool::take() {
    const MonoTime deadline = system_clock().mono() + options_.pool_wait;
    MutexLock lock(mutex_);
    while (true) {
        if (!freed_.wait_until(lock, deadline,
                               [&]() REQUIRES(mutex_) { return !idle_.empty() || open_ < options_.pool; }))
            throw StorageError("database: all connections are in use, and none became free in time");
        if (idle_.empty()) break;
        // The most recently used one has the warmest caches.
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        if (connection->seems_alive()) return connection;
        --open_;
    }
    ++open_;
    lock.unlock();
    try {
        return std::make_unique<Connection>(ConnectionOptions{options_.url, options_.connect_timeout,
                                                              options_.statement_timeout, "pricewire"},
                                            watchdog_);
    } catch (...) {
        give(nullptr);
        throw;
    }
}

void Pool::give(std::unique_ptr<Connection> connection) {
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

}  // namespace pricewire::storage::postgres
