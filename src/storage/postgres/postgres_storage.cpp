#include "storage/postgres/postgres_storage.hpp"

#include "storage/postgres/connection.hpp"
#include "storage/postgres/migrate.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire {

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
        return or_else("host", "localhost") + ":" + or_else("port", "5432") + "/" + options["dbname"];
    } catch (const StorageError& e) {
        return fail(e.what());
    }
}

}  // namespace pricewire
