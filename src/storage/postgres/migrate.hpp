#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "storage/migration.hpp"

namespace pricewire::storage {

// All migrations the binary knows, and whether they were applied to the database. Error: it is unreachable.
Result<std::vector<MigrationState>> postgres_migration_states(const std::string& url);

// Applies what is missing, up to `to` (default: the latest); each migration is one transaction, and processes
// that start at the same time wait for each other. Returns how many it applied. Error: the database cannot be
// reached, is newer than the binary, is another application's (it is left as it is), or `to` would be a step
// back (migrations only go forward; a backup is the way back).
Result<int> postgres_migrate(const std::string& url, std::optional<int> to = std::nullopt);

// Whether waiting does not help: a newer binary has migrated the database, or its schema is another
// application's. False if it is unreachable.
bool postgres_schema_never_fits(const std::string& url);

// Error if the database's schema is not this binary's; says what to do about it.
Result<void> postgres_check_schema(const std::string& url);

}  // namespace pricewire::storage
