#include "storage/sqlite/migrate.hpp"

#include <fmt/format.h>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/migrations.hpp"

namespace pricewire::storage {
namespace {

// Another process may be applying a long one.
constexpr auto patience = std::chrono::seconds{60};

int current_version(sqlite::Connection& db) {
    db.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "applied_at INTEGER NOT NULL) STRICT");
    return db.database().execAndGet("SELECT coalesce(max(version), 0) FROM schema_migrations").getInt();
}

void apply(sqlite::Connection& db, const KnownMigration& migration) {
    db.execute(std::string(migration.sql).c_str());
    SQLite::Statement insert(db.database(),
                             "INSERT INTO schema_migrations (version, name, applied_at) VALUES (?, ?, ?)");
    sqlite::with(insert, migration.version, migration.name, system_clock().now()).exec();
}

}  // namespace

Result<std::vector<MigrationState>> sqlite_migration_states(const std::filesystem::path& file) {
    std::vector<MigrationState> states;
    for (const KnownMigration& known : known_migrations(migrations()))
        states.push_back({known.version, known.name, std::nullopt});
    if (!std::filesystem::exists(file)) return states;
    try {
        sqlite::Connection db(file, sqlite::Connection::Mode::read, patience);
        return sqlite::translate([&]() -> Result<std::vector<MigrationState>> {
            if (!db.database().tableExists("schema_migrations")) return states;
            SQLite::Statement applied(
                db.database(), "SELECT version, name, applied_at FROM schema_migrations ORDER BY version");
            while (applied.executeStep()) {
                const auto version = static_cast<std::size_t>(applied.getColumn(0).getInt());
                if (version > states.size()) {
                    states.push_back({static_cast<int>(version),
                                      std::string(sqlite::text_at(applied, 1)) + " (unknown to this binary)",
                                      std::nullopt});
                }
                states[std::min(version, states.size()) - 1].applied_at = sqlite::time_at(applied, 2);
            }
            return states;
        });
    } catch (const StorageError& e) {
        return fail(e.what());
    }
}

Result<int> sqlite_migrate(const std::filesystem::path& file, std::optional<int> to) {
    const auto known = known_migrations(migrations());
    const int latest = known.back().version;
    const int target = to.value_or(latest);
    if (target < 0 || target > latest)
        return fail(fmt::format("there is no migration {}; the latest is {}", target, latest));
    try {
        sqlite::Connection db(file, sqlite::Connection::Mode::write, patience);
        return sqlite::translate([&]() -> Result<int> {
            // A migration may write every row there is: more than should wait in memory for its commit.
            db.execute("PRAGMA cache_spill = 1");
            int applied = 0;
            while (true) {
                // Rolled back where it throws, so the next try finds the version before.
                SQLite::Transaction transaction(db.database(), SQLite::TransactionBehavior::IMMEDIATE);
                const int version = current_version(db);
                if (version > latest) {
                    return fail(fmt::format(
                        "the database {} has version {}, this binary knows {}: it needs a newer Pricewire",
                        file.string(), version, latest));
                }
                if (version > target) {
                    return fail(fmt::format("the database {} has version {}: migrations only go forward",
                                            file.string(), version));
                }
                if (version == target) {
                    transaction.commit();
                    return applied;
                }
                apply(db, known[static_cast<std::size_t>(version)]);
                transaction.commit();
                ++applied;
            }
        });
    } catch (const StorageError& e) {
        return fail(fmt::format("{} (database file: {})", e.what(), file.string()));
    }
}

}  // namespace pricewire::storage
