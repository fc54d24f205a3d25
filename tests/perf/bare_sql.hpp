#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <libpq-fe.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/postgres/values.hpp"

// Connections with the program's settings, and nothing around them.
namespace pricewire::perf {

class BareSqlite {
public:
    explicit BareSqlite(const std::filesystem::path& file)
        : db_(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX) {
        // Like the program, it makes no checkpoint within a commit.
        for (const char* pragma : {"journal_mode = WAL", "synchronous = FULL", "cache_size = -32768",
                                   "cache_spill = 0", "temp_store = MEMORY", "secure_delete = 1",
                                   "wal_autocheckpoint = 0", "journal_size_limit = 67108864"})
            run(std::string("PRAGMA ") + pragma);
    }
    void run(const std::string& sql) { db_.exec(sql); }
    SQLite::Statement prepared(const char* sql) { return {db_, sql}; }

private:
    SQLite::Database db_;
};

class BarePostgres {
public:
    explicit BarePostgres(const std::string& url) : connection_(PQconnectdb(url.c_str()), &PQfinish) {
        if (PQstatus(connection_.get()) != CONNECTION_OK)
            throw std::runtime_error(std::string("PostgreSQL: ") + PQerrorMessage(connection_.get()));
        run("SET plan_cache_mode = force_generic_plan; SET jit = off; SET synchronous_commit = on");
    }
    void run(const std::string& sql) { check(PQexec(connection_.get(), sql.c_str())); }
    void prepare(const char* name, const char* sql) {
        check(PQprepare(connection_.get(), name, sql, 0, nullptr));
    }
    // How many rows the prepared statement has changed.
    std::string run(const char* name, const std::vector<storage::postgres::Param>& params) {
        std::vector<const char*> texts;
        for (const auto& param : params) texts.push_back(param ? param->c_str() : nullptr);
        return PQcmdTuples(check(PQexecPrepared(connection_.get(), name, static_cast<int>(texts.size()),
                                                texts.data(), nullptr, nullptr, 0))
                               .get());
    }

private:
    using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

    static Answer check(PGresult* result) {
        Answer answer(result, &PQclear);
        const ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
            throw std::runtime_error(std::string("PostgreSQL: ") + PQresultErrorMessage(result));
        return answer;
    }

    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

}  // namespace pricewire::perf
