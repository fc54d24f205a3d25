#include "storage/sqlite/migrate.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/migrations.hpp"

namespace pricewire::storage {
namespace {

using sqlite::Connection;

// Another process may be applying a long one.
constexpr auto patience = std::chrono::seconds{60};

class Transaction {
public:
    explicit Transaction(Connection& db)
        : db_(db), transaction_(db.database(), SQLite::TransactionBehavior::IMMEDIATE) {}
    int version() {
        db_.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
            "applied_at INTEGER NOT NULL) STRICT");
        return db_.database().execAndGet("SELECT coalesce(max(version), 0) FROM schema_migrations").getInt();
    }
    void apply(const KnownMigration& migration) {
        db_.execute(std::string(migration.sql).c_str());
        db_.change("migration_applied", migration.version, migration.name, system_clock().now());
    }
    void commit() { transaction_.commit(); }

private:
    Connection& db_;
    SQLite::Transaction transaction_;
};

// Throws StorageError if the file is another application's; leaves it as it is.
void check_ours(const std::filesystem::path& file) {
    std::error_code error;
    if (const auto size = std::filesystem::file_size(file, error); error || size == 0) return;
    std::vector<std::string> tables;
    try {
        SQLite::Database db(file.string(), SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX);
        db.setBusyTimeout(
            static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count()));
        SQLite::Statement named(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
        while (named.executeStep()) tables.push_back(named.getColumn(0).getString());
        SQLite::Statement ours(
            db, "SELECT 1 FROM pragma_table_info('schema_migrations') WHERE name = 'applied_at'");
        if (tables.empty() || ours.executeStep()) return;
    } catch (const SQLite::Exception& e) {
        // Opening the file for writing meets any other error, too, such as that it may only be read.
        if (e.getErrorCode() == SQLITE_NOTADB)
            throw StorageError("database: file is not a database (it is another program's, or damaged)",
                               Trouble::damaged);
        return;
    }
    refuse_foreign("the database " + file.string(), tables);
}

}  // namespace

Result<std::vector<MigrationState>> sqlite_migration_states(const std::filesystem::path& file) {
    const auto known = known_migrations(migrations());
    if (!std::filesystem::exists(file)) return merge_states(known, {});
    try {
        check_ours(file);
        Connection db(file, Connection::Mode::read, patience);
        return sqlite::translate([&]() -> Result<std::vector<MigrationState>> {
            if (!db.database().tableExists("schema_migrations")) return merge_states(known, {});
            return merge_states(known, db.all(
                                           [](const sqlite::Row& row) {
                                               return MigrationState{static_cast<int>(row.number(0)),
                                                                     std::string(row.text(1)), row.time(2)};
                                           },
                                           "migrations"));
        });
    } catch (const StorageError& e) {
        return fail(e.what());
    }
}

Result<int> sqlite_migrate(const std::filesystem::path& file, std::optional<int> to) {
    try {
        check_ours(file);
        Connection db(file, Connection::Mode::write, patience);
        return sqlite::translate([&] {
            // A migration may write every row: more than should wait in memory for its commit.
            db.execute("PRAGMA cache_spill = 1");
            return apply_missing("the database " + file.string(), known_migrations(migrations()), to,
                                 [&] { return Transaction(db); });
        });
    } catch (const StorageError& e) {
        return fail(fmt::format("{} (database file: {})", e.what(), file.string()));
    }
}

}  // namespace pricewire::storage
