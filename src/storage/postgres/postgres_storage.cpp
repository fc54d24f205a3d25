#include "storage/postgres/postgres_storage.hpp"

#include "storage/postgres/connection.hpp"
#include "storage/postgres/migrate.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage {
namespace postgres {

Store::Store(const PostgresOptions& options, const StorageEvents& events)
    : sql::Store<Pool>(events, options) {
    if (!events.alert_changed && !events.user_changed && !events.alerts_missed) return;
    listener_.emplace(ConnectionOptions{options.url, options.connect_timeout, options.statement_timeout,
                                        "pricewire listener"},
                      events, db_.watchdog());
}

}  // namespace postgres

std::unique_ptr<Storage> create_postgres_storage(const PostgresOptions& options, StorageEvents events) {
    if (const auto schema = postgres_check_schema(options.url); !schema)
        throw StorageError(schema.error().message);
    return std::make_unique<postgres::Store>(options, events);
}

Result<std::string> postgres_address(const std::string& url) {
    try {
        auto options = postgres::options_in(url);
        const auto or_else = [&](const char* name, const char* value) {
            const std::string& given = options[name];
            return given.empty() ? std::string(value) : given;
        };
        const std::string port = or_else("port", "5432");
        // Part of a password with an unescaped "/" or "@" is parsed as the port, host or database.
        if (port.find_first_not_of("0123456789,") != std::string::npos ||
            options["host"].find('@') != std::string::npos ||
            options["dbname"].find('@') != std::string::npos) {
            return fail(
                "database: invalid PostgreSQL URL; write all characters of the password but letters and "
                "digits "
                "as %XX");
        }
        return or_else("host", "localhost") + ":" + port + "/" + options["dbname"];
    } catch (const StorageError& e) {
        return fail(e.what());
    }
}

}  // namespace pricewire::storage
