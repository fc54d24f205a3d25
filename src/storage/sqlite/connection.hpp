#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"
#include "storage/error.hpp"
#include "storage/sql/change.hpp"

namespace pricewire::storage::sqlite {

// The current row of a statement.
class Row {
public:
    explicit Row(SQLite::Statement& s) : s_(s) {}
    bool null(int column) const { return s_.isColumnNull(column); }
    std::int64_t number(int column) const { return s_.getColumn(column).getInt64(); }
    bool flag(int column) const { return number(column) != 0; }
    // Valid until the next row.
    std::string_view text(int column) const;
    std::string_view bytes(int column) const;
    // Throw StorageError if the column holds something else.
    Uuid id(int column) const;
    Timestamp time(int column) const { return from_micros(number(column)); }
    Decimal decimal(int column) const;

private:
    SQLite::Statement& s_;
};

// Bound as bytes rather than text; never NULL.
struct Bytes {
    std::string_view bytes;
};

inline void bind_one(SQLite::Statement& s, int at, const Uuid& id) {
    s.bind(at, id.bytes.data(), static_cast<int>(id.bytes.size()));
}
inline void bind_one(SQLite::Statement& s, int at, const Sha256& hash) {
    s.bind(at, hash.data(), static_cast<int>(hash.size()));
}
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
// SQLite counts rows in signed 64 bits.
inline void bind_one(SQLite::Statement& s, int at, std::size_t number) {
    s.bind(at, static_cast<std::int64_t>(number));
}
inline void bind_one(SQLite::Statement& s, int at, bool value) {
    s.bind(at, value ? 1 : 0);
}
inline void bind_one(SQLite::Statement& s, int at, const char* text) {
    s.bind(at, text);
}
inline void bind_one(SQLite::Statement& s, int at, const std::string& text) {
    s.bind(at, text);
}
template <typename T>
void bind_one(SQLite::Statement& s, int at, const std::optional<T>& maybe) {
    if (maybe) {
        bind_one(s, at, *maybe);
    } else {
        s.bind(at);
    }
}

// The StorageError for an exception of SQLite's, with the system's reason, which is in errno.
StorageError error_of(const SQLite::Exception& e);

// Runs `f`, converting SQLite's errors to StorageError.
template <typename F>
auto translate(F&& f) {
    errno = 0;
    try {
        return f();
    } catch (const SQLite::Exception& e) {
        throw error_of(e);
    }
}

// Resets a statement at its end: one left in mid-result would hold its snapshot, and the log could not be
// checkpointed.
struct Finish {
    explicit Finish(SQLite::Statement& s) : statement(s) {}
    ~Finish() { statement.tryReset(); }
    Finish(const Finish&) = delete;
    Finish& operator=(const Finish&) = delete;
    SQLite::Statement& statement;
};

// One SQLite connection with its prepared statements, found by the names in queries.sql. One thread at a
// time.
class Connection {
public:
    enum class Mode { read, write };
    // Opens the database; a writer enables WAL. Throws StorageError, as everything here does.
    Connection(const std::filesystem::path& file, Mode mode, Duration busy_timeout);

    // A statement ready to be bound: reset, without bindings. Valid until the next call with the same name.
    SQLite::Statement& statement(std::string_view name);

    // Run the query of that name with the values, in order. The number of rows it changed:
    template <typename... Values>
    std::size_t change(std::string_view name, const Values&... values) {
        return static_cast<std::size_t>(bound(name, values...).exec());
    }
    // The same for each row, with the values of the tuple that values(row) gives, then `rest`.
    template <typename Rows, typename Values, typename... Rest>
    std::size_t change_each(std::string_view name, const Rows& rows, Values values, const Rest&... rest) {
        std::size_t changed = 0;
        for (const auto& row : rows)
            changed += std::apply([&](const auto&... v) { return change(name, v..., rest...); }, values(row));
        return changed;
    }
    // Calls read(row) for each row until it returns false.
    template <typename Read, typename... Values>
    void each(Read&& read, std::string_view name, const Values&... values) {
        SQLite::Statement& s = bound(name, values...);
        const Finish finish(s);
        while (s.executeStep() && read(Row(s))) {
        }
    }
    template <typename Read, typename... Values>
    auto first(Read&& read, std::string_view name, const Values&... values) {
        std::optional<std::decay_t<std::invoke_result_t<Read&, const Row&>>> out;
        each(
            [&](const Row& row) {
                out.emplace(read(row));
                return false;
            },
            name, values...);
        return out;
    }
    template <typename Read, typename... Values>
    auto all(Read&& read, std::string_view name, const Values&... values) {
        std::vector<std::decay_t<std::invoke_result_t<Read&, const Row&>>> out;
        each(
            [&](const Row& row) {
                out.push_back(read(row));
                return true;
            },
            name, values...);
        return out;
    }

    // Within a call of the writer: events to raise after the commit, in order.
    void notify(const std::vector<Change>& changes) {
        changes_.insert(changes_.end(), changes.begin(), changes.end());
    }
    std::vector<Change> take_changes() { return std::exchange(changes_, {}); }

    void execute(const char* sql);
    std::int64_t pragma(const char* name);
    SQLite::Database& database() { return database_; }

private:
    template <typename... Values>
    SQLite::Statement& bound(std::string_view name, const Values&... values) {
        SQLite::Statement& s = statement(name);
        int at = 0;
        (bind_one(s, ++at, values), ...);
        return s;
    }

    SQLite::Database database_;
    std::vector<Change> changes_;
    std::unordered_map<std::string_view, SQLite::Statement> statements_;
};

}  // namespace pricewire::storage::sqlite
