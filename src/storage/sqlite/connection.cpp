#include "storage/sqlite/connection.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>
#include <thread>

#include "storage/named_queries.hpp"
#include "storage/sqlite/files.hpp"
#include "storage/sqlite/queries.hpp"

namespace pricewire::storage::sqlite {
namespace {

const std::map<std::string_view, std::string>& all_queries() {
    static const auto parsed = named_queries(queries());
    return parsed;
}

SQLite::Database open_database(const std::filesystem::path& file, Connection::Mode mode) {
    // The database holds webhook secrets.
    if (mode == Connection::Mode::write) make_private(file);
    return translate([&] {
        return SQLite::Database(file.string(),
                                mode == Connection::Mode::write
                                    ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX
                                    : SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX);
    });
}

// Switching a new file to WAL needs a lock for which SQLite does not wait, whatever its busy timeout:
// processes that create the database at the same time each hold it for reading. So this waits.
void use_wal(SQLite::Database& db, Duration patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (true) {
        try {
            const std::string mode = db.execAndGet("PRAGMA journal_mode = WAL").getString();
            if (mode != "wal")
                throw StorageError("database: its file system cannot hold a write-ahead log (WAL)");
            return;
        } catch (const SQLite::Exception& e) {
            if (e.getErrorCode() != SQLITE_BUSY || std::chrono::steady_clock::now() >= deadline) throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

}  // namespace

Connection::Connection(const std::filesystem::path& file, Mode mode, Duration busy_timeout)
    : database_(open_database(file, mode)) {
    translate([&] {
        database_.setBusyTimeout(
            static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(busy_timeout).count()));
        // KiB. A large firing touches pages all over alerts, deliveries and four indexes; without room for
        // them each page is read repeatedly. Memory is allocated as it is used.
        execute(mode == Mode::write ? "PRAGMA cache_size = -32768" : "PRAGMA cache_size = -2048");
        if (mode == Mode::read) {
            execute("PRAGMA query_only = 1");
            return;
        }
        // A page spilled before the commit would be read back and written again.
        execute("PRAGMA cache_spill = 0");
        // SQLite opens a file that it may not write read-only, and reports it only at the first write.
        if (sqlite3_db_readonly(database_.getHandle(), "main") == 1)
            throw StorageError("database: the file is not writable for this user (readonly)",
                               Trouble::read_only);
        use_wal(database_, busy_timeout);
        execute("PRAGMA temp_store = MEMORY");
        // Replaced secrets and deleted users are overwritten with zeros. Debian's SQLite does this by
        // default; other builds may not.
        execute("PRAGMA secure_delete = 1");
        execute("PRAGMA wal_autocheckpoint = 4000");      // pages: 16 MB; a Writer does it by itself
        execute("PRAGMA journal_size_limit = 67108864");  // bytes of the log kept after a checkpoint
        execute(
            "CREATE TEMP TABLE firing (alert_id BLOB PRIMARY KEY, delivery_id BLOB NOT NULL) WITHOUT ROWID");
    });
}

StorageError error_of(const SQLite::Exception& e) {
    const int reason = errno;
    std::string text = std::string("database: ") + e.what();
    Trouble trouble = Trouble::unreachable;
    switch (e.getErrorCode()) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            trouble = Trouble::busy;
            break;
        case SQLITE_FULL:
            trouble = Trouble::full;
            break;
        case SQLITE_READONLY:
            trouble = Trouble::read_only;
            break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            trouble = Trouble::damaged;
            break;
        case SQLITE_PERM:
        case SQLITE_AUTH:
        case SQLITE_CANTOPEN:
        case SQLITE_IOERR:
            // SQLite has one code for many causes. Only for these does errno hold the system's reason.
            trouble = reason == EFBIG                                            ? Trouble::too_large
                      : reason == ENOSPC || reason == EDQUOT                     ? Trouble::full
                      : reason == EROFS                                          ? Trouble::read_only
                      : reason == EACCES || reason == EPERM                      ? Trouble::denied
                      : reason == EMFILE || reason == ENFILE || reason == ENOMEM ? Trouble::unreachable
                                                                                 : Trouble::broken;
            if (reason != 0) text += fmt::format(" ({})", std::generic_category().message(reason));
            break;
        case SQLITE_ERROR:
            // Our statements are right for the tables that we have made.
            if (std::string_view(e.what()).starts_with("no such ")) trouble = Trouble::altered;
            break;
        default:
            break;
    }
    return StorageError(text, trouble);
}

SQLite::Statement& Connection::statement(std::string_view name) {
    auto found = statements_.find(name);
    if (found == statements_.end()) {
        const auto query = all_queries().find(name);
        if (query == all_queries().end()) throw std::logic_error(fmt::format("there is no query '{}'", name));
        found = statements_.emplace(query->first, SQLite::Statement(database_, query->second)).first;
    }
    // reset() would report the last run's error again.
    found->second.tryReset();
    found->second.clearBindings();
    return found->second;
}

void Connection::execute(const char* sql) {
    database_.exec(sql);
}

std::int64_t Connection::pragma(const char* name) {
    return database_.execAndGet(std::string("PRAGMA ") + name).getInt64();
}

std::string_view Row::text(int column) const {
    const auto value = s_.getColumn(column);
    const char* text = value.getText();
    return {text, static_cast<std::size_t>(value.getBytes())};
}

std::string_view Row::bytes(int column) const {
    const auto value = s_.getColumn(column);
    const auto* bytes = static_cast<const char*>(value.getBlob());
    return {bytes, static_cast<std::size_t>(value.getBytes())};
}

Uuid Row::id(int column) const {
    Uuid id;
    const std::string_view value = bytes(column);
    if (value.size() != id.bytes.size()) throw StorageError("database: an id is not 16 bytes");
    std::copy_n(value.begin(), id.bytes.size(), id.bytes.begin());
    return id;
}

Decimal Row::decimal(int column) const {
    const auto number = Decimal::parse(text(column));
    if (!number) throw StorageError("database: a price is not a decimal number");
    return *number;
}

}  // namespace pricewire::storage::sqlite
