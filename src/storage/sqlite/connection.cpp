#include "storage/sqlite/connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <thread>

#include "storage/named_queries.hpp"
#include "storage/sqlite/queries.hpp"

namespace pricewire::storage::sqlite {
namespace {

const std::map<std::string_view, std::string>& all_queries() {
    static const auto parsed = named_queries(queries()[0].text);
    return parsed;
}

// The database holds webhook secrets: nobody else may read it, from its first byte.
void create_private(const std::filesystem::path& file) {
    std::error_code error;
    if (const auto parent = file.parent_path(); !parent.empty() && !std::filesystem::exists(parent, error)) {
        std::filesystem::create_directories(parent, error);
        if (error) throw StorageError(fmt::format("cannot create {}: {}", parent.string(), error.message()));
        std::filesystem::permissions(parent, std::filesystem::perms::owner_all, error);
    }
    const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);  // where it cannot be, SQLite says why
}

SQLite::Database open_database(const std::filesystem::path& file, Connection::Mode mode) {
    if (mode == Connection::Mode::write) create_private(file);
    return translate([&] {
        return SQLite::Database(file.string(),
                                mode == Connection::Mode::write
                                    ? SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX
                                    : SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX);
    });
}

// Turning a new file's log to WAL needs a lock for which SQLite does not wait, whatever its busy time-out:
// processes that make the database at once each hold it for reading. So this waits.
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
        // KiB. A large firing touches alerts, deliveries and four indexes all over: without room for them
        // each page is read again and again. Memory is taken as it is used.
        execute(mode == Mode::write ? "PRAGMA cache_size = -32768" : "PRAGMA cache_size = -2048");
        if (mode == Mode::read) {
            execute("PRAGMA query_only = 1");
            return;
        }
        // A page written before the commit to make room would be read back and written once more.
        execute("PRAGMA cache_spill = 0");
        // SQLite opens what it may not write for reading, and would tell with the first write only.
        if (sqlite3_db_readonly(database_.getHandle(), "main") == 1)
            throw StorageError("database: this user may not write it (readonly)");
        use_wal(database_, busy_timeout);
        execute("PRAGMA temp_store = MEMORY");
        // Secrets that were replaced, and users who were deleted, are overwritten with zeros. Debian's SQLite
        // does so anyway; another's might not.
        execute("PRAGMA secure_delete = 1");
        execute("PRAGMA wal_autocheckpoint = 4000");      // pages: 16 MB
        execute("PRAGMA journal_size_limit = 67108864");  // what a checkpoint leaves of a large log
        execute(
            "CREATE TEMP TABLE firing (alert_id BLOB PRIMARY KEY, delivery_id BLOB NOT NULL) WITHOUT ROWID");
    });
}

SQLite::Statement& Connection::statement(std::string_view name) {
    auto found = statements_.find(name);
    if (found == statements_.end()) {
        const auto query = all_queries().find(name);
        if (query == all_queries().end()) throw std::logic_error(fmt::format("there is no query '{}'", name));
        found = statements_.emplace(query->first, SQLite::Statement(database_, query->second)).first;
    }
    // reset() reports the last run's error again, which was told when it happened.
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

Uuid uuid_at(SQLite::Statement& s, int column) {
    Uuid id;
    const auto value = s.getColumn(column);
    if (value.getBytes() != static_cast<int>(id.bytes.size()))
        throw StorageError("database: an id is not 16 bytes");
    const auto* bytes = static_cast<const std::uint8_t*>(value.getBlob());
    std::copy_n(bytes, id.bytes.size(), id.bytes.begin());
    return id;
}

Timestamp time_at(SQLite::Statement& s, int column) {
    return from_micros(s.getColumn(column).getInt64());
}

std::optional<Timestamp> maybe_time_at(SQLite::Statement& s, int column) {
    if (s.isColumnNull(column)) return std::nullopt;
    return time_at(s, column);
}

Decimal decimal_at(SQLite::Statement& s, int column) {
    const auto number = Decimal::parse(text_at(s, column));
    if (!number) throw StorageError("database: a price is not a decimal number");
    return *number;
}

std::string_view bytes_at(SQLite::Statement& s, int column) {
    const auto value = s.getColumn(column);
    const auto* bytes = static_cast<const char*>(value.getBlob());
    return {bytes, static_cast<std::size_t>(value.getBytes())};
}

std::optional<Duration> maybe_duration_at(SQLite::Statement& s, int column) {
    if (s.isColumnNull(column)) return std::nullopt;
    return Duration{s.getColumn(column).getInt64()};
}

std::string_view text_at(SQLite::Statement& s, int column) {
    const auto value = s.getColumn(column);
    const char* text = value.getText();
    return {text, static_cast<std::size_t>(value.getBytes())};
}

}  // namespace pricewire::storage::sqlite
