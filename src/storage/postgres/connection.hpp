#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "storage/postgres/postgres_storage.hpp"
#include "storage/postgres/rows.hpp"
#include "storage/postgres/values.hpp"
#include "storage/postgres/watchdog.hpp"
#include "storage/sql/change.hpp"

namespace pricewire::storage::postgres {

struct ConnectionOptions {
    std::string url;
    Duration connect_timeout;
    Duration statement_timeout;  // zero: unlimited
    std::string application_name = "pricewire";
};

// One connection with its prepared statements, found by the names in postgres_queries.sql. One thread at a
// time. Throws pqxx's exceptions, which translate() converts to StorageError; their texts never contain a
// password.
class Connection {
public:
    // Connects. Throws StorageError if the URL is invalid or the database is unreachable.
    Connection(const ConnectionOptions& options, Watchdog& watchdog);

    // Run the query of that name with the values, in order.
    template <typename... Values>
    pqxx::result run(const char* name, const Values&... values) {
        return run_prepared(name, {param(values)...});
    }
    // The number of rows that it changed:
    template <typename... Values>
    std::size_t change(const char* name, const Values&... values) {
        return run(name, values...).affected_rows();
    }
    // The same for many rows in one statement: it takes an array for each value of the tuple that values(row)
    // gives, then `rest`.
    template <typename Rows, typename Values, typename... Rest>
    std::size_t change_each(const char* name, const Rows& rows, Values values, const Rest&... rest) {
        if (rows.empty()) return 0;
        std::array<Array, std::tuple_size_v<std::decay_t<decltype(values(*rows.begin()))>>> columns;
        for (const auto& row : rows) {
            auto column = columns.begin();
            std::apply([&](const auto&... value) { ((column++)->add(value), ...); }, values(row));
        }
        return std::apply([&](const auto&... arrays) { return change(name, arrays..., rest...); }, columns);
    }
    template <typename Read, typename... Values>
    auto first(Read&& read, const char* name, const Values&... values) {
        std::optional<std::decay_t<std::invoke_result_t<Read&, const Row&>>> out;
        const pqxx::result rows = run(name, values...);
        if (!rows.empty()) out.emplace(read(Row(rows[0])));
        return out;
    }
    template <typename Read, typename... Values>
    auto all(Read&& read, const char* name, const Values&... values) {
        const pqxx::result rows = run(name, values...);
        std::vector<std::decay_t<std::invoke_result_t<Read&, const Row&>>> out;
        out.reserve(rows.size());
        for (const Row row : rows) out.push_back(read(row));
        return out;
    }
    // As first(), of a statement outside of a transaction: calls early() once the row has been read, and returns after the
    // commit. If that fails, the row may have been written all the same.
    template <typename Read, typename Early, typename... Values>
    auto first_before_commit(Read&& read, Early&& early, const char* name, const Values&... values) {
        std::optional<std::decay_t<std::invoke_result_t<Read&, const Row&>>> out;
        run_to_row(
            [&](const Row& row) {
                out.emplace(read(row));
                early();
            },
            name, {param(values)...});
        return out;
    }
    // Notifies all processes after the commit, in order.
    void notify(const std::vector<Change>& changes);

    // Unprepared statements.
    pqxx::result execute(const std::string& sql);

    // For transactions that begin from now on.
    void set_durability(Durability durability);
    std::optional<Durability> durability() const { return durability_; }
    // How long this side waits for each statement from now on; the server's own limit is set with SET.
    void set_patience(Duration patience) { patience_ = patience; }
    Duration patience() const { return patience_; }

    void begin();
    void commit();
    bool in_transaction() const { return in_transaction_; }
    void rollback();

    // False if the server has closed the connection, as far as can be seen without a round trip.
    bool seems_alive();
    // libpq's socket.
    int socket() const { return connection_->sock(); }
    pqxx::connection_base& raw() { return *connection_; }

private:
    // Lets libpq be used for what pqxx lacks.
    class Direct final : public pqxx::connect_direct {
    public:
        using connect_direct::connect_direct;
        handle do_startconnect(handle before) override {
            return last_opened = connect_direct::do_startconnect(before);
        }
        static thread_local handle last_opened;
    };

    void prepare(const char* name);
    pqxx::result run_prepared(const char* name, const std::vector<Param>& params);
    void run_to_row(const std::function<void(const Row&)>& row, const char* name,
                    const std::vector<Param>& params);
    using Opened = pqxx::basic_connection_base<Direct>;
    static std::unique_ptr<Opened> open(const ConnectionOptions& options);

    Watchdog& watchdog_;
    std::unique_ptr<Opened> connection_;
    const Direct::handle libpq_ = Direct::last_opened;  // connection_'s
    Duration patience_;
    std::optional<Durability> durability_;
    bool in_transaction_ = false;
    std::set<std::string, std::less<>> prepared_;
};

// The URL's options by libpq's names ("host", "dbname"). Throws StorageError, without the URL in its text, if
// it is invalid.
std::map<std::string, std::string> options_in(const std::string& url);

// The statement of that name.
const std::string& query(std::string_view name);

// What is wrong, by the error's class (PostgreSQL 15 manual, appendix A).
Trouble trouble_of(const pqxx::sql_error& error);

// The same for a refused connection, of which pqxx gives the server's words alone.
Trouble refusal_in(std::string_view message);

// The first sentence of pqxx's message, for an operator: without the statement and without the server's
// details, which may contain a user's values.
std::string reason(const std::exception& error);

// The server rejects a value; retrying does not help.
class RefusedValue : public StorageError {
public:
    using StorageError::StorageError;
};

// Runs `f`, converting pqxx's errors to StorageError.
template <typename F>
auto translate(F&& f) {
    try {
        return f();
    } catch (const pqxx::sql_error& e) {
        // Classes 22, 23 and 54: PostgreSQL 15 manual, appendix A.
        const std::string state = e.sqlstate().substr(0, 2);
        if (state == "22" || state == "23" || state == "54") throw RefusedValue("database: " + reason(e));
        throw StorageError("database: " + reason(e), trouble_of(e));
    } catch (const pqxx::failure& e) {
        throw StorageError("database: " + reason(e), refusal_in(e.what()));
    }
}

}  // namespace pricewire::storage::postgres
