#include "support/own_database.hpp"

#include <libpq-fe.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/clock.hpp"
#include "base/uuid.hpp"

namespace pricewire::test {

std::string ask_postgres(const std::string& url, const std::string& sql) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), &PQfinish);
    if (PQstatus(connection.get()) != CONNECTION_OK)
        throw std::runtime_error(std::string("PostgreSQL: ") + PQerrorMessage(connection.get()));
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()),
                                                               &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        throw std::runtime_error(sql + ": " + PQresultErrorMessage(result.get()));
    return PQntuples(result.get()) == 0 || PQnfields(result.get()) == 0 ? "" : PQgetvalue(result.get(), 0, 0);
}

std::string with_database(const std::string& url, const std::string& name) {
    const std::size_t path = url.find('/', url.find("://") + 3);
    if (path == std::string::npos) throw std::runtime_error("the test server's URL names no database");
    const std::size_t options = url.find('?', path);
    return url.substr(0, path + 1) + name + (options == std::string::npos ? "" : url.substr(options));
}

OwnDatabase::OwnDatabase(std::string server_url, const std::string& copy_of)
    : server_url_(std::move(server_url)), name_("test_" + make_uuid(system_clock().now()).to_string()) {
    for (char& c : name_) c = c == '-' ? '_' : c;
    ask_postgres(server_url_, "CREATE DATABASE " + name_ + " TEMPLATE " + copy_of + " ENCODING 'UTF8'");
    url_ = with_database(server_url_, name_);
}

OwnDatabase::~OwnDatabase() {
    try {
        ask_postgres(server_url_, "DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
    } catch (const std::exception& e) {
        // Nothing is left to drop if a test has killed the server.
        std::fprintf(stderr, "the test's database %s was not dropped: %s\n", name_.c_str(), e.what());
    }
}

int OwnDatabase::terminate(const std::string& application_name) const {
    return std::stoi(ask_postgres(
        server_url_, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '" +
                         name_ + "' AND application_name LIKE '" + application_name + "'"));
}

}  // namespace pricewire::test
