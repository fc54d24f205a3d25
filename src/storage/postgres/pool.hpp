#pragma once

#include <memory>
#include <optional>

#include "base/log.hpp"
#include "storage/postgres/connection.hpp"
#include "storage/postgres/replica.hpp"
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
        return use(durability, [&](Connection& db, bool& repeatable) {
            db.set_durability(durability);
            repeatable = false;
            return call(db);
        });
    }
    // For a statement that may be run again if its answer was lost.
    template <typename F>
    auto repeatable_statement(Durability durability, F&& call) {
        return use(durability, [&](Connection& db, bool&) {
            db.set_durability(durability);
            return call(db);
        });
    }
    template <typename F>
    auto read(F&& call) {
        return use(std::nullopt, [&](Connection& db, bool&) { return call(db); });
    }
    // From the replica, if there is one that is close enough and works.
    template <typename F>
    auto read_behind(F&& call) {
        if (Pool* const behind = replica_ ? replica_->pool() : nullptr) {
            try {
                return behind->read(call);
            } catch (const StorageError& e) {
                log::debug("a read from the replica failed; the primary is asked", {{"reason", e.what()}});
                replica_->failed();
            }
        }
        return read(call);
    }
    template <typename F>
    auto transaction(Durability durability, F&& call) {
        return use(durability, [&](Connection& db, bool& repeatable) {
            db.set_durability(durability);
            db.begin();
            repeatable = false;
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
    // The server closed an idle connection, and the first statement on it was the first to notice.
    struct LostWhileIdle : pqxx::broken_connection {
        using broken_connection::broken_connection;
    };

    // `call` keeps `repeatable` true for as long as what it has sent may be sent again.
    template <typename F>
    auto use(std::optional<Durability> durability, F&& call) {
        return with_retries([&] {
            auto connection = take(durability);
            bool repeatable = true;
            try {
                return call(*connection, repeatable);
            } catch (const pqxx::failure& e) {
                const auto* rejected = dynamic_cast<const pqxx::sql_error*>(&e);
                const bool lost = rejected == nullptr || is_lost(*rejected);
                const bool repeat = lost && repeatable && connection.was_idle();
                // If the server only rejected a statement, the connection is still usable.
                if (lost || !undo(*connection)) connection.reset();
                if (repeat) throw LostWhileIdle(e.what());
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

    // Transactions that lock the same rows, or insert the same unique key, may deadlock; the server aborts
    // one of them, which must be retried (PostgreSQL 15 manual, 13.5).
    template <typename F>
    auto with_retries(F&& call) {
        return translate([&] {
            for (int tries = 1;; ++tries) {
                try {
                    return call();
                } catch (const LostWhileIdle&) {
                    if (tries == max_tries) throw;
                    continue;
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
    // The server ends the connection: PostgreSQL 15 manual, appendix A, 57P01 to 57P05.
    static bool is_lost(const pqxx::sql_error& error) { return error.sqlstate().starts_with("57P"); }
    static void pause(int tries);

    // False if that failed: the server rolls back when the connection ends.
    static bool undo(Connection& connection);

    // Preferably one that has the durability already: setting it is a round trip.
    sql::Connections<Connection>::Lease take(std::optional<Durability> durability);

    const PostgresOptions options_;
    Watchdog watchdog_;
    sql::Connections<Connection> connections_{options_.pool};
    std::unique_ptr<Replica> replica_;  // last: its thread uses the others
};

}  // namespace pricewire::storage::postgres
