#include "storage/postgres/postgres_storage.hpp"

#include "storage/postgres/migrate.hpp"
#include "storage/postgres/store.hpp"

namespace pricewire {

std::unique_ptr<Storage> create_postgres_storage(const PostgresOptions& options, StorageEvents events) {
    if (const auto schema = postgres_check_schema(options.url); !schema)
        throw StorageError(schema.error().message);
    return std::make_unique<postgres::Store>(options, std::move(events));
}

}  // namespace pricewire
