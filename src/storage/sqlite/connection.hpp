#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"
#include "storage/storage.hpp"

namespace pricewire::storage::sqlite {

// One SQLite connection with its prepared statements, found by the names in queries.sql. One thread at a
// time.
class Connection {
public:
    enum class Mode { read, write };
    // Opens the database; a writer sets it up for WAL. Throws StorageError, as everything here does.
    Connection(const std::filesystem::path& file, Mode mode, Duration busy_timeout);

    // A statement ready to be bound: reset, without bindings. Valid until the next call with the same name.
    SQLite::Statement& statement(std::string_view name);
    void execute(const char* sql);
    std::int64_t pragma(const char* name);
    SQLite::Database& database() { return database_; }

private:
    SQLite::Database database_;
    std::unordered_map<std::string_view, SQLite::Statement> statements_;
};

// Binds values in order: with(statement, id, ticker, nullopt, 5).exec().
inline void bind_one(SQLite::Statement& s, int at, const Uuid& id) {
    s.bind(at, id.bytes.data(), static_cast<int>(id.bytes.size()));
}
inline void bind_one(SQLite::Statement& s, int at, const Sha256& hash) {
    s.bind(at, hash.data(), static_cast<int>(hash.size()));
}
// Bound as bytes, which need not be text. Not null.
struct Bytes {
    std::string_view bytes;
};
inline void bind_one(SQLite::Statement& s, int at, Bytes value) {
    s.bind(at, static_cast<const void*>(value.bytes.data()), static_cast<int>(value.bytes.size()));
}
inline void bind_one(SQLite::Statement& s, int at, Duration time) {
    s.bind(at, static_cast<std::int64_t>(time.count()));
}
inline void bind_one(SQLite::Statement& s, int at, Timestamp time) {
    s.bind(at, static_cast<std::int64_t>(to_micros(time)));
}
inline void bind_one(SQLite::Statement& s, int at, const Decimal& number) {
    s.bind(at, number.to_string());
}
inline void bind_one(SQLite::Statement& s, int at, std::string_view text) {
    s.bind(at, std::string(text));
}
inline void bind_one(SQLite::Statement& s, int at, std::int64_t number) {
    s.bind(at, number);
}
inline void bind_one(SQLite::Statement& s, int at, int number) {
    s.bind(at, number);
}
template <typename T>
void bind_one(SQLite::Statement& s, int at, const std::optional<T>& maybe) {
    if (maybe) {
        bind_one(s, at, *maybe);
    } else {
        s.bind(at);
    }
}
template <typename... Values>
SQLite::Statement& with(SQLite::Statement& s, const Values&... values) {
    int at = 0;
    (bind_one(s, ++at, values), ...);
    return s;
}

Uuid uuid_at(SQLite::Statement& s, int column);
Timestamp time_at(SQLite::Statement& s, int column);
std::optional<Timestamp> maybe_time_at(SQLite::Statement& s, int column);
Decimal decimal_at(SQLite::Statement& s, int column);
std::string_view text_at(SQLite::Statement& s, int column);
std::string_view bytes_at(SQLite::Statement& s, int column);
std::optional<Duration> maybe_duration_at(SQLite::Statement& s, int column);

// The id behind all others.
inline Uuid last_uuid() {
    Uuid last;
    last.bytes.fill(0xff);
    return last;
}

// Runs `f` and turns SQLite's errors into StorageError.
template <typename F>
auto translate(F&& f) {
    try {
        return f();
    } catch (const SQLite::Exception& e) {
        throw StorageError(std::string("database: ") + e.what());
    }
}

}  // namespace pricewire::storage::sqlite
