#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "storage/migration.hpp"

namespace pricewire::storage {

// All migrations the binary knows, and whether the database at `url` has them. Error: it cannot be asked.
Result<std::vector<MigrationState>> postgres_migration_states(const std::string& url);

// Applies what is missing, up to `to` (default: the latest); each migration is one transaction, and processes
// that start at once wait for one another. Returns how many it applied. Error: the database cannot be
// reached, is newer than the binary, or `to` would be a step back (migrations only go forward; a backup is
// the way back).
Result<int> postgres_migrate(const std::string& url, std::optional<int> to = std::nullopt);

// Whether a newer binary has been here; false where the database cannot be asked.
bool postgres_schema_is_newer(const std::string& url);

// Error where the database has another schema than this binary's, and what to do about it.
Result<void> postgres_check_schema(const std::string& url);

}  // namespace pricewire::storage
