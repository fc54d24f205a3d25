#include "storage/postgres/postgres_storage.hpp"

#include "storage/postgres/connection.hpp"
#include "storage/postgres/migrate.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire::storage {

std::unique_ptr<Storage> create_postgres_storage(const PostgresOptions& options, StorageEvents events) {
    if (const auto schema = postgres_check_schema(options.url); !schema)
        throw StorageError(schema.error().message);
    return std::make_unique<postgres::Store>(options, std::move(events));
}

Result<std::string> postgres_address(const std::string& url) {
    try {
        auto options = postgres::options_in(url);
        const auto or_else = [&](const char* name, const char* value) {
            const std::string& given = options[name];
            return given.empty() ? std::string(value) : given;
        };
        const std::string port = or_else("port", "5432");
        // A password with "/" or "@" as they stand is read as a port, a host or a database.
        if (port.find_first_not_of("0123456789,") != std::string::npos ||
            options["host"].find('@') != std::string::npos ||
            options["dbname"].find('@') != std::string::npos) {
            return fail(
                "database: the URL cannot be meant so; of a password all but letters and digits are "
                "written as %XX");
        }
        return or_else("host", "localhost") + ":" + port + "/" + options["dbname"];
    } catch (const StorageError& e) {
        return fail(e.what());
    }
}

}  // namespace pricewire::storage
