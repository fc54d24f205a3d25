#include "storage/postgres/migrate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "storage/postgres/connection.hpp"
#include "storage/postgres/postgres_migrations.hpp"
#include "storage/postgres/rows.hpp"

namespace pricewire::storage {
namespace {

using postgres::Connection;
using postgres::translate;
using postgres::Watchdog;

// Any number that nobody else in the database uses: "pricewire", shortened.
constexpr std::int64_t advisory_lock = 0x70726963'65776972;
// A migration may write every row there is.
constexpr Duration patience = std::chrono::minutes{30};
constexpr Duration connect_within = std::chrono::seconds{5};

const std::vector<KnownMigration>& known() {
    static const auto all = known_migrations(postgres_migrations());
    return all;
}

struct Session {
    explicit Session(const std::string& url)
        : db({url, connect_within, patience, "pricewire migrate"}, watchdog) {}
    Watchdog watchdog;
    Connection db;
};

std::vector<MigrationState> states(Connection& db) {
    std::vector<MigrationState> out;
    for (const KnownMigration& k : known()) out.push_back({k.version, k.name, std::nullopt});
    if (db.execute("SELECT 1 WHERE to_regclass('schema_migrations') IS NOT NULL").empty()) return out;
    for (const auto& row :
         db.execute("SELECT version, name, applied_at FROM schema_migrations ORDER BY version")) {
        const int version = static_cast<int>(postgres::number_at(row, 0));
        auto found = std::find_if(out.begin(), out.end(),
                                  [&](const MigrationState& s) { return s.version == version; });
        if (found == out.end()) {
            out.push_back(
                {version, std::string(postgres::text_at(row, 1)) + " (unknown to this binary)", {}});
            found = out.end() - 1;
        }
        found->applied_at = postgres::time_at(row, 2);
    }
    return out;
}

// The version of the database, 0 where it has none.
int version_of(const std::vector<MigrationState>& all) {
    int version = 0;
    for (const MigrationState& s : all) {
        if (s.applied_at) version = std::max(version, s.version);
    }
    return version;
}

void apply(Connection& db, const KnownMigration& migration) {
    db.execute(std::string(migration.sql));
    db.execute(
        fmt::format("INSERT INTO schema_migrations (version, name, applied_at) VALUES ({}, '{}', now())",
                    migration.version, migration.name));
}

// Applies one migration where the database is below `target`; false where it is not.
Result<bool> step(Connection& db, int target) {
    const int latest = known().back().version;
    db.begin();
    // Held until the transaction's end, so a process that dies gives it up.
    db.execute(fmt::format("SELECT pg_advisory_xact_lock({})", advisory_lock));
    db.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, name text NOT NULL, "
        "applied_at timestamptz NOT NULL)");
    const int version = version_of(states(db));
    if (version > latest) {
        return fail(
            fmt::format("the database has version {}, this binary knows {}: it needs a newer Pricewire",
                        version, latest));
    }
    if (version > target)
        return fail(fmt::format("the database has version {}: migrations only go forward", version));
    const bool missing = version < target;
    if (missing) apply(db, known()[static_cast<std::size_t>(version)]);
    db.commit();
    return missing;
}

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
    const int latest = known().back().version;
    const int target = to.value_or(latest);
    if (target < 0 || target > latest)
        return fail(fmt::format("there is no migration {}; the latest is {}", target, latest));
    try {
        // Whatever ends this without a commit ends the session, which rolls back.
        Session session(url);
        return translate([&]() -> Result<int> {
            for (int applied = 0;; ++applied) {
                const auto more = step(session.db, target);
                if (!more) return std::unexpected(more.error());
                if (!*more) return applied;
            }
        });
    } catch (const StorageError& e) {
        return fail(e.what());
    }
}

bool postgres_schema_is_newer(const std::string& url) {
    const auto all = postgres_migration_states(url);
    return all && version_of(*all) > known().back().version;
}

Result<void> postgres_check_schema(const std::string& url) {
    const auto all = postgres_migration_states(url);
    if (!all) return std::unexpected(all.error());
    const int latest = known().back().version;
    const int version = version_of(*all);
    if (version > latest) {
        return fail(
            fmt::format("the database has version {}, this binary knows {}: it needs a newer Pricewire",
                        version, latest));
    }
    if (version < latest) {
        return fail(fmt::format(
            "the database has version {} of the schema, this binary needs {}: run `pricewire migrate` first",
            version, latest));
    }
    return {};
}

}  // namespace pricewire::storage
