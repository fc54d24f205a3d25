#pragma once

#include "storage/postgres/connection.hpp"
#include "storage/sql/connections.hpp"

namespace pricewire::storage::postgres {

// Runs calls on connections. A connection that failed is discarded. Thread-safe; throws StorageError.
class Pool {
public:
    using Connection = postgres::Connection;
    explicit Pool(const PostgresOptions& options);

    // Runs `call` without a transaction: each statement is one of its own. If it writes, it must run only
    // one.
    template <typename F>
    auto statement(Durability durability, F&& call) {
        return read([&](Connection& db) {
            db.set_durability(durability);
            return call(db);
        });
    }
    template <typename F>
    auto read(F&& call) {
        return with_retries([&] {
            auto connection = take();
            try {
                return call(*connection);
            } catch (const pqxx::sql_error&) {
                // The server rejected a statement; the connection is still usable.
                if (!undo(*connection)) connection.reset();
                throw;
            } catch (const UnknownValue&) {
                if (!undo(*connection)) connection.reset();
                throw;
            } catch (...) {
                connection.reset();
                throw;
            }
        });
    }
    template <typename F>
    auto transaction(Durability durability, F&& call) {
        return statement(durability, [&](Connection& db) {
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
    }

    // The maximum number of connections.
    std::size_t size() const { return options_.pool; }
    Watchdog& watchdog() { return watchdog_; }

private:
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

    // False if that failed: the server rolls back when the connection ends.
    static bool undo(Connection& connection);

    sql::Connections<Connection>::Lease take();

    const PostgresOptions options_;
    Watchdog watchdog_;
    sql::Connections<Connection> connections_{options_.pool};
};

}  // namespace pricewire::storage::postgres
