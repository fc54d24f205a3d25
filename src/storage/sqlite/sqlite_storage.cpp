#include "storage/sqlite/sqlite_storage.hpp"

#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::storage {
namespace sqlite {

Database::Database(const SqliteOptions& given, const StorageEvents& events)
    : options(given),
      readers(static_cast<std::size_t>(given.readers)),
      writer(std::make_unique<Connection>(given.file, Connection::Mode::write, given.busy_timeout), events,
             given.prepare_log) {}

Store::Store(const SqliteOptions& options, const StorageEvents& events)
    : sql::Store<Database>(events, options, events) {}

}  // namespace sqlite

std::unique_ptr<Storage> create_sqlite_storage(const SqliteOptions& options, StorageEvents events) {
    if (const auto migrated = sqlite_migrate(options.file); !migrated)
        throw StorageError(migrated.error().message);
    return std::make_unique<sqlite::Store>(options, events);
}

}  // namespace pricewire::storage
