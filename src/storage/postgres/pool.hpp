#pragma once

#include <memory>
#include <vector>

#include "base/mutex.hpp"
#include "storage/postgres/connection.hpp"

namespace pricewire::storage::postgres {

// Connections, opened as needed, each used by one thread at a time. One on which something went wrong is
// thrown away. Thread-safe; throws StorageError.
class Pool {
public:
    explicit Pool(const PostgresOptions& options);

    // Runs `call` outside of a transaction: each of its statements is one of its own. It must have one only
    // where that writes.
    template <typename F>
    auto statement(Durability durability, F&& call) {
        return again_where_it_lost([&] {
            const Lease lease(*this);
            lease->set_durability(durability);
            return lease.use(call);
        });
    }
    template <typename F>
    auto read(F&& call) {
        return again_where_it_lost([&] {
            const Lease lease(*this);
            return lease.use(call);
        });
    }
    template <typename F>
    auto transaction(Durability durability, F&& call) {
        return again_where_it_lost([&] {
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

    // Connections at most.
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
                // The server refused a statement; the connection is as good as before.
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

    // Two that lock the same rows, or that both made what there can be one of, wait for one another; the
    // server ends one of them, which is to try again (PostgreSQL 15 manual, 13.5).
    template <typename F>
    auto again_where_it_lost(F&& call) {
        return translate([&] {
            for (int tries = 1;; ++tries) {
                try {
                    return call();
                } catch (const pqxx::transaction_rollback&) {
                    if (tries == max_tries) throw;
                } catch (const pqxx::sql_error& e) {
                    if (tries == max_tries || !lost(e)) throw;
                }
                pause(tries);
            }
        });
    }
    static constexpr int max_tries = 5;
    static bool lost(const pqxx::sql_error& error);
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
