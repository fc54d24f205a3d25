#include "storage/open.hpp"

#include <stdexcept>
#include <string_view>
#include <utility>

#include "storage/postgres/migrate.hpp"
#include "storage/postgres/postgres_storage.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/sqlite_storage.hpp"

namespace pricewire::storage {
namespace {

constexpr std::string_view sqlite_prefix = "sqlite:";

}  // namespace

bool is_shared(const std::string& url) {
    return !url.starts_with(sqlite_prefix);
}

std::filesystem::path file_of(const std::string& url) {
    return url.substr(sqlite_prefix.size());
}

Result<std::string> place_of(const std::string& url) {
    if (is_shared(url)) return postgres_address(url);
    return file_of(url).string();
}

std::unique_ptr<Storage> open(const std::string& url, const OpenOptions& options, StorageEvents events) {
    if (!is_shared(url))
        return create_sqlite_storage({.file = file_of(url), .prepare_log = true}, std::move(events));
    // Checked first: a user who may not change the schema need not, if it is up to date.
    if (!postgres_check_schema(url)) {
        if (const auto migrated = postgres_migrate(url); !migrated) {
            if (postgres_schema_never_fits(url)) throw std::runtime_error(migrated.error().message);
            throw StorageError(migrated.error().message);
        }
    }
    return create_postgres_storage({.url = url,
                                    .pool = options.pool,
                                    .replica_url = options.replica_url,
                                    .replica_lag = options.replica_lag},
                                   std::move(events));
}

Result<int> migrate(const std::string& url, std::optional<int> to) {
    return is_shared(url) ? postgres_migrate(url, to) : sqlite_migrate(file_of(url), to);
}

Result<std::vector<MigrationState>> migration_states(const std::string& url) {
    return is_shared(url) ? postgres_migration_states(url) : sqlite_migration_states(file_of(url));
}

}  // namespace pricewire::storage
