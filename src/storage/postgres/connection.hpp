#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/postgres/postgres_storage.hpp"
#include "storage/postgres/values.hpp"
#include "storage/postgres/watchdog.hpp"

namespace pricewire::storage::postgres {

// What a call survives once it has returned: the end of every process, or loss of the database server's power
// as well.
enum class Durability { process, power };

struct ConnectionOptions {
    std::string url;
    Duration connect_timeout;
    Duration statement_timeout;  // zero: none
    std::string application_name = "pricewire";
};

// One connection with its prepared statements, found by the names in postgres_queries.sql. One thread at a
// time. Throws pqxx's exceptions, which translate() turns into StorageError; no text of theirs holds a
// password.
class Connection {
public:
    // Opens it. Throws StorageError where the URL is none, or the database cannot be reached.
    Connection(const ConnectionOptions& options, Watchdog& watchdog);

    template <typename... Values>
    pqxx::result run(const char* name, const Values&... values) {
        return run_prepared(name, {param(values)...});
    }
    // Statements as they are, for those that cannot be prepared.
    pqxx::result execute(const std::string& sql);

    // Of the transactions that begin from now on.
    void set_durability(Durability durability);
    // How long the statements from now on may take, as this side sees it; the server is told by SET.
    void set_patience(Duration patience) { patience_ = patience; }
    Duration patience() const { return patience_; }

    void begin();
    void commit();
    bool in_transaction() const { return in_transaction_; }
    void rollback();

    // False where the server has hung up, as far as can be seen without asking it.
    bool seems_alive();
    // libpq's socket, and what has arrived on it.
    int socket() const { return connection_->sock(); }
    pqxx::connection& raw() { return *connection_; }

private:
    pqxx::result run_prepared(const char* name, const std::vector<Param>& params);

    Watchdog& watchdog_;
    std::unique_ptr<pqxx::connection> connection_;
    Duration patience_;
    std::optional<Durability> durability_;
    bool in_transaction_ = false;
    std::set<std::string, std::less<>> prepared_;
};

// What the URL says, by libpq's names ("host", "dbname"). Throws StorageError, without the URL, where it is
// none.
std::map<std::string, std::string> options_in(const std::string& url);

// The statement of that name.
const std::string& query(std::string_view name);

// One sentence of what pqxx says, for an operator: without the statement and without the server's details,
// which may hold a user's values.
std::string reason(const std::exception& error);

// The server does not take a value that it was given; trying again is of no use.
class RefusedValue : public StorageError {
public:
    using StorageError::StorageError;
};

// Runs `f` and turns pqxx's errors into StorageError.
template <typename F>
auto translate(F&& f) {
    try {
        return f();
    } catch (const pqxx::sql_error& e) {
        // Classes 22, 23 and 54: PostgreSQL 15 manual, appendix A.
        const std::string state = e.sqlstate().substr(0, 2);
        if (state == "22" || state == "23" || state == "54") throw RefusedValue("database: " + reason(e));
        throw StorageError("database: " + reason(e));
    } catch (const pqxx::failure& e) {
        throw StorageError("database: " + reason(e));
    }
}

}  // namespace pricewire::storage::postgres
