#include "test_database/test_database.hpp"

#include <cstdlib>
#include <pqxx/pqxx>
#include <stdexcept>

#include "base/crypto.hpp"
#include "storage/postgres/migrate.hpp"
#include "storage/postgres/postgres_migrations.hpp"

namespace pricewire::test {
namespace {

// A database with this binary's schema to which nobody connects. Tests of several processes may want it at
// the same time.
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

std::string server_url() {
    if (const auto url = postgres_url()) return *url;
    throw std::runtime_error(postgres_missing);
}

}  // namespace

std::optional<std::string> postgres_url() {
    const char* url = std::getenv("PRICEWIRE_TEST_POSTGRES_URL");
    if (url == nullptr || *url == '\0') return std::nullopt;
    return url;
}

TestDatabase::TestDatabase(Schema schema)
    : OwnDatabase(server_url(), schema == Schema::latest ? template_database(server_url()) : "template0") {}

void TestDatabase::empty() const {
    ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
        "pid <> pg_backend_pid() AND backend_type = 'client backend'");
    // Without triggers and foreign keys, which would ask for an order.
    ask(R"(DO $$
        DECLARE name text;
        BEGIN
            SET LOCAL session_replication_role = replica;
            FOR name IN SELECT relname FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
                    AND relname NOT IN ('schema_migrations', 'write_probe')
            LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
            PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence;
        END $$)");
}

}  // namespace pricewire::test
