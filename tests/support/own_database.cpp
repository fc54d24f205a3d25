#include "support/own_database.hpp"

#include <libpq-fe.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <utility>

#include "base/clock.hpp"
#include "base/uuid.hpp"

namespace pricewire::test {
namespace {

void execute(const std::string& url, const std::string& sql) {
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), &PQfinish);
    if (PQstatus(connection.get()) != CONNECTION_OK) {
        throw std::runtime_error(std::string("PostgreSQL: ") + PQerrorMessage(connection.get()));
    }
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()),
                                                               &PQclear);
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) {
        throw std::runtime_error(sql + ": " + PQresultErrorMessage(result.get()));
    }
}

}  // namespace

OwnDatabase::OwnDatabase(std::string server_url)
    : server_url_(std::move(server_url)), name_("test_" + make_uuid(system_clock().now()).to_string()) {
    for (char& c : name_) c = c == '-' ? '_' : c;
    execute(server_url_, "CREATE DATABASE " + name_);
    const std::size_t options = server_url_.find('?');
    const std::size_t begin = server_url_.rfind('/', options) + 1;
    url_ = server_url_.substr(0, begin) + name_ +
           (options == std::string::npos ? "" : server_url_.substr(options));
}

OwnDatabase::~OwnDatabase() {
    try {
        execute(server_url_, "DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
    } catch (const std::exception& e) {
        // Of a server that a test has killed nothing is left to drop.
        std::fprintf(stderr, "a test's database stays: %s\n", e.what());
    }
}

}  // namespace pricewire::test
