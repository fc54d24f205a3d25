#include "storage/sqlite/sqlite_storage.hpp"

#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage {

std::unique_ptr<Storage> create_sqlite_storage(const SqliteOptions& options, StorageEvents events) {
    if (const auto migrated = sqlite_migrate(options.file); !migrated)
        throw StorageError(migrated.error().message);
    return std::make_unique<sqlite::Store>(options, std::move(events));
}

}  // namespace pricewire::storage
