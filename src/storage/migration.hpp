#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/text.hpp"

namespace pricewire::storage {

// One step of a database's schema, and when it was applied to this database.
struct MigrationState {
    int version = 0;
    std::string name;
    std::optional<Timestamp> applied_at;
};

// A migration that is in the binary.
struct KnownMigration {
    int version = 0;
    std::string name;
    std::string_view sql;
};

// From files named "0001_initial.sql", in the order of their numbers, which start at 1 without gaps.
template <typename Files>
std::vector<KnownMigration> known_migrations(const Files& files) {
    std::vector<KnownMigration> out;
    for (const auto& file : files) {
        KnownMigration known{parse_number<int>(file.name.substr(0, 4)).value_or(0),
                             std::string(file.name.substr(5, file.name.size() - 9)), file.text};
        out.push_back(std::move(known));
    }
    return out;
}

// The known migrations with the times at which they were applied; behind them those that only the database
// knows.
std::vector<MigrationState> merge_states(const std::vector<KnownMigration>& known,
                                         const std::vector<MigrationState>& applied);

// The database's version; 0 if nothing was applied.
int version_of(const std::vector<MigrationState>& states);

// The names of the tables and types that the migrations create.
std::vector<std::string> created_by(const std::vector<KnownMigration>& known);

// Throws StorageError (Trouble::foreign) that names up to a few of the tables found, and says what to do.
[[noreturn]] void refuse_foreign(const std::string& database, const std::vector<std::string>& tables);

// Error: the database is newer than this binary. `database` names it in the text.
Result<void> check_not_newer(const std::string& database, int version, int latest);

// Applies what is missing up to `to` (default: the latest); returns how many. begin() starts a transaction
// that excludes other processes: it has version(), apply(migration), which also records it, and commit(), and
// rolls back if it ends without that.
template <typename Begin>
Result<int> apply_missing(const std::string& database, const std::vector<KnownMigration>& known,
                          std::optional<int> to, Begin begin) {
    const int latest = known.back().version;
    const int target = to.value_or(latest);
    if (target < 0 || target > latest)
        return fail(fmt::format("there is no migration {}; the latest is {}", target, latest));
    for (int applied = 0;; ++applied) {
        auto transaction = begin();
        const int version = transaction.version();
        if (const auto newer = check_not_newer(database, version, latest); !newer)
            return std::unexpected(newer.error());
        if (version > target)
            return fail(fmt::format("{} has version {}: migrations only go forward", database, version));
        if (version < target) transaction.apply(known[static_cast<std::size_t>(version)]);
        transaction.commit();
        if (version == target) return applied;
    }
}

}  // namespace pricewire::storage
