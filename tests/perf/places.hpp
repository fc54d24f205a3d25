#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "seed.hpp"
#include "storage/postgres/postgres_storage.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "support/process.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::perf {

// A database for one benchmark.
class Place {
public:
    virtual ~Place() = default;
    virtual std::string name() const = 0;
    virtual std::unique_ptr<storage::Storage> open(storage::StorageEvents events = {}) = 0;
    // As the program's.
    virtual Duration sender_alive_for() const { return {}; }
    // See seed_alerts().
    virtual void seed(std::size_t count, const std::string& from) = 0;
    // The first value of the query's first row.
    virtual std::string ask(const std::string& sql) const = 0;
};

class SqlitePlace : public Place {
public:
    std::string name() const override { return "SQLite"; }
    std::unique_ptr<storage::Storage> open(storage::StorageEvents events = {}) override {
        return storage::create_sqlite_storage({.file = file(), .prepare_log = true}, std::move(events));
    }
    void seed(std::size_t count, const std::string& from) override { seed_alerts(file(), count, from); }
    std::string ask(const std::string& sql) const override {
        SQLite::Database db(file().string(), SQLite::OPEN_READWRITE);
        return db.execAndGet(sql).getString();
    }

    std::filesystem::path file() const { return dir_.path() / "bench.db"; }

private:
    const test::TempDir dir_;
};

class PostgresPlace : public Place {
public:
    std::string name() const override { return "PostgreSQL"; }
    std::unique_ptr<storage::Storage> open(storage::StorageEvents events = {}) override {
        storage::PostgresOptions options;
        options.url = database_.url();
        options.pool = 16;
        options.statement_timeout = std::chrono::minutes{1};
        return storage::create_postgres_storage(options, std::move(events));
    }
    void seed(std::size_t count, const std::string& from) override {
        seed_alerts_postgres(database_, count, from);
    }
    std::string ask(const std::string& sql) const override { return database_.ask(sql); }

    Duration sender_alive_for() const override { return std::chrono::seconds{3}; }

    const std::string& url() const { return database_.url(); }

private:
    const test::TestDatabase database_;
};

// An embedded one, then PostgreSQL if PRICEWIRE_TEST_POSTGRES_URL is set.
template <typename F>
void at_each_place(F f) {
    {
        SqlitePlace place;
        f(place);
    }
    if (!test::postgres_url()) return;
    PostgresPlace place;
    f(place);
}

}  // namespace pricewire::perf
