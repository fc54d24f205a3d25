#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "storage/migration.hpp"

namespace pricewire::storage {

// All migrations the binary knows, and whether they were applied to the database; none if the file does not
// exist.
Result<std::vector<MigrationState>> sqlite_migration_states(const std::filesystem::path& file);

// Applies what is missing, up to `to` (default: the latest); each migration is one transaction, and processes
// that start at the same time wait for each other. Returns how many it applied. Error: the file is another
// application's (it is left as it is) or no database at all, the database is newer than the binary, or `to`
// would be a step back (migrations only go forward; a copy of the file is the way back).
Result<int> sqlite_migrate(const std::filesystem::path& file, std::optional<int> to = std::nullopt);

}  // namespace pricewire::storage
