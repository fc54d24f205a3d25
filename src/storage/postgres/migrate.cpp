#include "storage/postgres/migrate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "storage/postgres/connection.hpp"
#include "storage/postgres/postgres_migrations.hpp"
#include "storage/postgres/rows.hpp"

namespace pricewire::storage {
namespace {

using postgres::Connection;
using postgres::Row;
using postgres::translate;
using postgres::Watchdog;

// Any number that nothing else in the database uses: "pricewire", shortened.
constexpr std::int64_t advisory_lock = 0x70726963'65776972;
// A migration may write every row.
constexpr Duration patience = std::chrono::minutes{30};
constexpr Duration connect_within = std::chrono::seconds{5};

const std::string this_database = "the database";

const std::vector<KnownMigration>& known() {
    static const auto all = known_migrations(postgres_migrations());
    return all;
}

int latest() {
    return known().back().version;
}

struct Session {
    explicit Session(const std::string& url)
        : db({url, connect_within, patience, "pricewire migrate"}, watchdog) {}
    Watchdog watchdog;
    Connection db;
};

// Throws StorageError if the schema is another application's: it has something of a name that the migrations
// would create, or keeps a list of its own migrations.
void check_ours(Connection& db) {
    if (!db.execute("SELECT FROM pg_attribute "
                    "WHERE attrelid = to_regclass('schema_migrations') AND attname = 'applied_at'")
             .empty())
        return;
    std::vector<std::string> names = created_by(known());
    names.emplace_back("schema_migrations");
    names.emplace_back("alembic_version");
    std::vector<std::string> found;
    for (const Row row : db.execute(fmt::format(
             "SELECT relname FROM pg_class "
             "WHERE relnamespace = current_schema()::regnamespace AND relname IN ('{0}') "
             "UNION SELECT typname FROM pg_type "
             "WHERE typnamespace = current_schema()::regnamespace AND typname IN ('{0}') ORDER BY 1",
             fmt::join(names, "', '"))))
        found.emplace_back(row.text(0));
    if (!found.empty()) refuse_foreign(this_database, found);
}

std::vector<MigrationState> states(Connection& db) {
    check_ours(db);
    std::vector<MigrationState> applied;
    if (!db.execute("SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL").empty()) {
        for (const Row row :
             db.execute("SELECT version, name, applied_at FROM schema_migrations ORDER BY version")) {
            applied.push_back({static_cast<int>(row.number(0)), std::string(row.text(1)), row.time(2)});
        }
    }
    return merge_states(known(), applied);
}

// If it ends without a commit, so does the session, which rolls back.
class Transaction {
public:
    explicit Transaction(Connection& db) : db_(db) {
        db_.begin();
        // Held until the end of the transaction, so a process that dies releases it.
        db_.execute(fmt::format("SELECT pg_advisory_xact_lock({})", advisory_lock));
    }
    int version() {
        check_ours(db_);
        db_.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL, "
            "applied_at timestamptz NOT NULL)");
        return version_of(states(db_));
    }
    void apply(const KnownMigration& migration) {
        db_.execute(std::string(migration.sql));
        db_.execute(
            fmt::format("INSERT INTO schema_migrations (version, name, applied_at) VALUES ({}, '{}', now())",
                        migration.version, migration.name));
    }
    void commit() { db_.commit(); }

private:
    Connection& db_;
};

}  // namespace

Result<std::vector<MigrationState>> postgres_migration_states(const std::string& url) {
    try {
        Session session(url);
        return translate([&] { return states(session.db); });
    } catch (const StorageError& e) {
        return fail(e.what());
    }
}

Result<int> postgres_migrate(const std::string& url, std::optional<int> to) {
    try {
        Session session(url);
        return translate([&] {
            return apply_missing(this_database, known(), to, [&] { return Transaction(session.db); });
        });
    } catch (const StorageError& e) {
        return fail(e.what());
    }
}

bool postgres_schema_never_fits(const std::string& url) {
    try {
        Session session(url);
        return translate([&] { return version_of(states(session.db)) > latest(); });
    } catch (const StorageError& e) {
        return e.trouble() == Trouble::foreign;
    }
}

Result<void> postgres_check_schema(const std::string& url) {
    const auto all = postgres_migration_states(url);
    if (!all) return std::unexpected(all.error());
    const int version = version_of(*all);
    if (version >= latest()) return check_not_newer(this_database, version, latest());
    return fail(fmt::format(
        "the database has version {} of the schema, this binary needs {}: run `pricewire migrate` first",
        version, latest()));
}

}  // namespace pricewire::storage
