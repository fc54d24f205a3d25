#include "test_database/test_database.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <pqxx/pqxx>
#include <stdexcept>

#include "base/crypto.hpp"
#include "storage/postgres/migrate.hpp"
#include "storage/postgres/postgres_migrations.hpp"

namespace pricewire::test {
namespace {

std::string ask_at(const std::string& url, const std::string& sql) {
    pqxx::connection connection(url);
    pqxx::nontransaction work(connection);
    const auto rows = work.exec(sql);
    return rows.empty() || rows.columns() == 0 ? "" : rows[0][0].as<std::string>("");
}

// The same server's URL of another database.
std::string with_database(std::string url, const std::string& name) {
    const std::size_t host = url.find("://") + 3;
    const std::size_t path = url.find('/', host);
    const std::size_t options = url.find('?', host);
    if (path == std::string::npos) throw std::runtime_error("the test server's URL names no database");
    url.replace(path + 1, options == std::string::npos ? std::string::npos : options - path - 1, name);
    return url;
}

// A database with this binary's schema that is never connected to. Tests of many processes may want it at
// once.
std::string template_database(const std::string& server) {
    std::string all;
    for (const storage::EmbeddedFile& file : storage::postgres_migrations()) all += file.text;
    const std::string name = "pricewire_template_" + hex_encode(sha256(all)).substr(0, 12);
    pqxx::connection connection(server);
    pqxx::nontransaction work(connection);
    work.exec("SELECT pg_advisory_lock(4711)");  // until the connection's end
    if (!work.exec("SELECT 1 FROM pg_database WHERE datname = '" + name + "'").empty()) return name;
    const std::string raw = name + "_raw";
    work.exec("DROP DATABASE IF EXISTS " + raw + " WITH (FORCE)");
    work.exec("CREATE DATABASE " + raw + " TEMPLATE template0 ENCODING 'UTF8'");
    if (const auto migrated = storage::postgres_migrate(with_database(server, raw)); !migrated)
        throw std::runtime_error(migrated.error().message);
    work.exec("ALTER DATABASE " + raw + " RENAME TO " + name);
    return name;
}

}  // namespace

std::optional<std::string> postgres_url() {
    const char* url = std::getenv("PRICEWIRE_TEST_POSTGRES_URL");
    if (url == nullptr || *url == '\0') return std::nullopt;
    return url;
}

TestDatabase::TestDatabase(Schema schema) {
    const auto server = postgres_url();
    if (!server) throw std::runtime_error(postgres_missing);
    std::array<std::uint8_t, 8> random{};
    random_bytes(random);
    name_ = "pricewire_test_" + hex_encode(random);
    url_ = with_database(*server, name_);
    const std::string from = schema == Schema::latest ? template_database(*server) : "template0";
    ask_at(*server, fmt::format("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'", name_, from));
}

TestDatabase::~TestDatabase() {
    try {
        ask_at(postgres_url().value_or(""), fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", name_));
    } catch (const std::exception& e) {
        fmt::print(stderr, "the test's database {} is left behind: {}\n", name_, e.what());
    }
}

std::string TestDatabase::ask(const std::string& sql) const {
    return ask_at(url_, sql);
}

int TestDatabase::terminate(const std::string& application_name) const {
    return std::stoi(ask_at(*postgres_url(),
                            fmt::format("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                                        "datname = '{}' AND application_name LIKE '{}'",
                                        name_, application_name)));
}

}  // namespace pricewire::test
