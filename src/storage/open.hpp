#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "storage/migration.hpp"
#include "storage/storage.hpp"

// The database that a URL names: "sqlite:PATH", or "postgresql://…" as libpq reads it.
namespace pricewire::storage {

// Whether other processes can share it: PostgreSQL.
bool is_shared(const std::string& url);
// SQLite's file.
std::filesystem::path file_of(const std::string& url);
// The file, or "host:port/database"; never a user or a password. Error: the URL is invalid.
Result<std::string> place_of(const std::string& url);

struct OpenOptions {
    std::size_t pool = 8;  // connections to PostgreSQL at most, beside the one that listens
    // See PostgresOptions.
    std::string replica_url = {};
    Duration replica_lag = std::chrono::seconds{5};
};

// Brings the schema up to date and opens the database. Throws StorageError if PostgreSQL is unreachable or
// unusable (it may become usable later) or SQLite's file cannot be opened; another std::runtime_error if
// waiting does not help.
std::unique_ptr<Storage> open(const std::string& url, const OpenOptions& options, StorageEvents events);

// See sqlite/migrate.hpp and postgres/migrate.hpp.
Result<int> migrate(const std::string& url, std::optional<int> to = std::nullopt);
Result<std::vector<MigrationState>> migration_states(const std::string& url);

}  // namespace pricewire::storage
