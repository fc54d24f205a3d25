#pragma once

#include <memory>
#include <vector>

#include "base/mutex.hpp"
#include "storage/postgres/connection.hpp"

namespace pricewire::storage::postgres {

// Connections, opened as needed, each used by one thread at a time. A connection that failed is discarded.
// Thread-safe; throws StorageError.
class Pool {
public:
    using Connection = postgres::Connection;
    explicit Pool(const PostgresOptions& options);

    // Runs `call` without a transaction: each statement is one of its own. If it writes, it must run only
    // one.
    template <typename F>
    auto statement(Durability durability, F&& call) {
        return with_retries([&] {
            const Lease lease(*this);
            lease->set_durability(durability);
            return lease.use(call);
        });
    }
    template <typename F>
    auto read(F&& call) {
        return with_retries([&] {
            const Lease lease(*this);
            return lease.use(call);
        });
    }
    template <typename F>
    auto transaction(Durability durability, F&& call) {
        return with_retries([&] {
            const Lease lease(*this);
            lease->set_durability(durability);
            return lease.use([&](Connection& db) {
                db.begin();
                if constexpr (std::is_void_v<decltype(call(db))>) {
                    call(db);
                    db.commit();
                } else {
                    auto result = call(db);
                    db.commit();
                    return result;
                }
            });
        });
    }

    // The maximum number of connections.
    std::size_t size() const { return options_.pool; }
    Watchdog& watchdog() { return watchdog_; }

private:
    class Lease {
    public:
        explicit Lease(Pool& pool) : pool_(pool), connection_(pool.take()) {}
        ~Lease() { pool_.give(std::move(connection_)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Connection* operator->() const { return connection_.get(); }

        template <typename F>
        auto use(F&& call) const {
            try {
                return call(*connection_);
            } catch (const pqxx::sql_error&) {
                // The server rejected a statement; the connection is still usable.
                undo();
                throw;
            } catch (const UnknownValue&) {
                undo();
                throw;
            } catch (...) {
                connection_.reset();
                throw;
            }
        }

    private:
        void undo() const;
        Pool& pool_;
        mutable std::unique_ptr<Connection> connection_;
    };

    // Transactions that lock the same rows, or insert the same unique key, may deadlock; the server aborts
    // one of them, which must be retried (PostgreSQL 15 manual, 13.5).
    template <typename F>
    auto with_retries(F&& call) {
        return translate([&] {
            for (int tries = 1;; ++tries) {
                try {
                    return call();
                } catch (const pqxx::transaction_rollback&) {
                    if (tries == max_tries) throw;
                } catch (const pqxx::sql_error& e) {
                    if (tries == max_tries || !should_retry(e)) throw;
                }
                pause(tries);
            }
        });
    }
    static constexpr int max_tries = 5;
    static bool should_retry(const pqxx::sql_error& error);
    static void pause(int tries);

    std::unique_ptr<Connection> take();
    void give(std::unique_ptr<Connection> connection);

    const PostgresOptions options_;
    Watchdog watchdog_;
    Mutex mutex_;
    CondVar freed_;
    std::vector<std::unique_ptr<Connection>> idle_ GUARDED_BY(mutex_);
    std::size_t open_ GUARDED_BY(mutex_) = 0;
};

}  // namespace pricewire::storage::postgres
