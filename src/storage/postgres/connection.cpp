#include "storage/postgres/connection.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <map>

#include "storage/named_queries.hpp"
#include "storage/postgres/changes.hpp"
#include "storage/postgres/postgres_queries.hpp"

namespace pricewire::storage::postgres {
namespace {

// How much longer than the server's own timeout this side waits before it abandons the connection.
constexpr Duration grace = std::chrono::seconds{5};
constexpr Duration without_limit = std::chrono::minutes{60};

std::string quoted_option(std::string_view value) {
    std::string out = "'";
    for (const char c : value) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

std::int64_t milliseconds(Duration time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

// The URL's options, and ours for those that it does not set.
std::string connection_string(const ConnectionOptions& options) {
    auto all = options_in(options.url);
    for (auto& [name, value] : std::map<std::string, std::string>{
             {"application_name", options.application_name},
             {"client_encoding", "UTF8"},
             // libpq counts in seconds, and treats 1 as 2.
             {"connect_timeout",
              std::to_string(std::max<std::int64_t>(2, milliseconds(options.connect_timeout) / 1000))},
             {"keepalives_idle", "5"},
             {"keepalives_interval", "2"},
             {"keepalives_count", "3"},
             {"tcp_user_timeout", "10000"},
         }) {
        all.emplace(name, value);
    }
    std::string out;
    for (const auto& [name, value] : all) out += fmt::format("{}={} ", name, quoted_option(value));
    return out;
}

// What libpq has for a statement.
using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::vector<const char*> texts_of(const std::vector<Param>& params) {
    std::vector<const char*> texts;
    texts.reserve(params.size());
    for (const Param& p : params) texts.push_back(p ? p->c_str() : nullptr);
    return texts;
}

// A statement whose rows the server sends before it commits (PostgreSQL 15 manual, 34.5, "Pipeline Mode"). At its end
// nothing of it is left on the connection, if that is still open.
class Pipelined {
public:
    Pipelined(PGconn* connection, const char* name, const std::vector<Param>& params)
        : connection_(connection) {
        const auto texts = texts_of(params);
        is_open_ = PQenterPipelineMode(connection_) == 1 &&
                   PQsendQueryPrepared(connection_, name, static_cast<int>(texts.size()), texts.data(),
                                       nullptr, nullptr, 0) == 1 &&
                   PQsendFlushRequest(connection_) == 1 && PQpipelineSync(connection_) == 1;
        check(is_open_);
    }
    ~Pipelined() {
        while (is_open_) take();
        PQexitPipelineMode(connection_);
    }
    Pipelined(const Pipelined&) = delete;
    Pipelined& operator=(const Pipelined&) = delete;

    Answer rows() {
        Answer rows(PQgetResult(connection_), &PQclear);
        check(PQresultStatus(rows.get()) == PGRES_TUPLES_OK, rows.get());
        return rows;
    }
    void commit() {
        while (is_open_) {
            const Answer answer = take();
            const bool is_error = answer && PQresultStatus(answer.get()) == PGRES_FATAL_ERROR;
            check(PQstatus(connection_) == CONNECTION_OK && !is_error, answer.get());
        }
    }

private:
    // One answer; empty between those of two statements, and when the connection is lost.
    Answer take() {
        Answer answer(PQgetResult(connection_), &PQclear);
        const bool is_last = answer && PQresultStatus(answer.get()) == PGRES_PIPELINE_SYNC;
        if (is_last || PQstatus(connection_) != CONNECTION_OK) is_open_ = false;
        return answer;
    }
    // As pqxx.
    void check(bool good, const PGresult* answer = nullptr) const {
        if (good) return;
        const char* state = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
        if (PQstatus(connection_) != CONNECTION_OK || state == nullptr)
            throw pqxx::broken_connection(PQerrorMessage(connection_));
        throw pqxx::sql_error(PQresultErrorMessage(answer), "", state);
    }

    PGconn* const connection_;
    bool is_open_ = false;  // answers are still to come
};

}  // namespace

thread_local Connection::Direct::handle Connection::Direct::last_opened = nullptr;

std::unique_ptr<Connection::Opened> Connection::open(const ConnectionOptions& options) {
    const std::string text = connection_string(options);
    return translate([&] {
        auto connection = std::make_unique<Opened>(text);
        // A connection that pqxx reopens on its own would lack its settings and its LISTEN.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
        connection->inhibit_reactivation(true);
#pragma GCC diagnostic pop
        return connection;
    });
}

std::map<std::string, std::string> options_in(const std::string& url) {
    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(
        PQconninfoParse(url.c_str(), &message), PQconninfoFree);
    const std::unique_ptr<char, void (*)(void*)> owned(message, PQfreemem);
    // libpq's own message repeats the URL with its password.
    if (!parsed) {
        throw StorageError(
            "database: invalid PostgreSQL URL; the form is postgresql://user:password@host:5432/database, "
            "with all characters of the password but letters and digits written as %XX");
    }
    std::map<std::string, std::string> out;
    for (const PQconninfoOption* o = parsed.get(); o->keyword != nullptr; ++o) {
        if (o->val != nullptr) out[o->keyword] = o->val;
    }
    return out;
}

const std::string& query(std::string_view name) {
    static const auto all = named_queries(postgres_queries());
    const auto found = all.find(name);
    if (found == all.end()) throw std::logic_error(fmt::format("there is no query '{}'", name));
    return found->second;
}

std::string reason(const std::exception& error) {
    std::string_view text = error.what();
    // pqxx's message for a connection that broke outside of a statement.
    if (text.find("not connected") != std::string_view::npos) return "the connection was lost";
    for (const std::string_view prefix : {"ERROR:  ", "FATAL:  "}) {
        if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
    }
    return std::string(text.substr(0, text.find('\n')));
}

Trouble trouble_of(const pqxx::sql_error& error) {
    // pqxx has classes for these and leaves out their SQLSTATE. That of syntax errors includes missing tables,
    // columns and functions: our statements are right for the tables that we have made.
    if (dynamic_cast<const pqxx::disk_full*>(&error) != nullptr) return Trouble::full;
    if (dynamic_cast<const pqxx::too_many_connections*>(&error) != nullptr) return Trouble::no_connections;
    if (dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr) return Trouble::denied;
    if (dynamic_cast<const pqxx::syntax_error*>(&error) != nullptr) return Trouble::altered;
    const std::string_view sqlstate = error.sqlstate();
    if (sqlstate == "53100") return Trouble::full;
    if (sqlstate == "42501") return Trouble::denied;
    if (sqlstate == "42704" || sqlstate == "3F000") return Trouble::altered;
    if (sqlstate == "25006") return Trouble::read_only;
    if (sqlstate == "57014" || sqlstate == "55P03") return Trouble::busy;
    if (sqlstate.starts_with("58")) return Trouble::broken;
    if (sqlstate.starts_with("XX00")) return sqlstate == "XX000" ? Trouble::unreachable : Trouble::damaged;
    return Trouble::unreachable;
}

Trouble refusal_in(std::string_view message) {
    const auto says = [&](std::string_view words) { return message.find(words) != std::string_view::npos; };
    return says("too many clients") || says("too many connections") || says("connection slots are reserved")
               ? Trouble::no_connections
               : Trouble::unreachable;
}

Connection::Connection(const ConnectionOptions& options, Watchdog& watchdog)
    : watchdog_(watchdog),
      connection_(open(options)),
      patience_(options.statement_timeout > Duration::zero() ? options.statement_timeout + grace
                                                             : without_limit) {
    // Planning a statement for its values takes longer than most of them run, and would be done each time where few rows
    // are asked for. Their plans for any values are tested (large_plans_test.cpp). Plans are kept: those made while a table
    // is small would read all of it once it has grown, until the server has analyzed it.
    translate([&] {
        execute(
            fmt::format("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
                        "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET bytea_output = 'hex'; "
                        "SET client_min_messages = error; SET jit = off; SET statement_timeout = {0}; "
                        "SET lock_timeout = {0}; SET idle_in_transaction_session_timeout = {1}",
                        milliseconds(options.statement_timeout), milliseconds(patience_)));
    });
}

void Connection::prepare(const char* name) {
    if (prepared_.contains(name)) return;
    connection_->prepare(name, query(name));
    prepared_.insert(name);
}

pqxx::result Connection::run_prepared(const char* name, const std::vector<Param>& params) {
    prepare(name);
    const auto values = texts_of(params);
    const Watchdog::Watch watch(watchdog_, connection_->sock(), patience_);
    pqxx::nontransaction work(*connection_);
    return work.exec_prepared(name, pqxx::prepare::make_dynamic_params(values.begin(), values.end()));
}

void Connection::run_to_row(const std::function<void(const Row&)>& row, const char* name,
                            const std::vector<Param>& params) {
    prepare(name);
    const Watchdog::Watch watch(watchdog_, connection_->sock(), patience_);
    connection_->prepare_now(name);
    Pipelined pipelined(libpq_, name, params);
    const Answer rows = pipelined.rows();
    const bool has_row = PQntuples(rows.get()) > 0;
    if (has_row) row(Row(rows.get(), 0));
    // Not to be tried again here: whoever was given the row has to know.
    try {
        pipelined.commit();
    } catch (const pqxx::sql_error& e) {
        if (has_row) throw StorageError("database: " + reason(e), trouble_of(e));
        throw;
    } catch (const pqxx::failure& e) {
        if (has_row) throw StorageError("database: " + reason(e));
        throw;
    }
}

pqxx::result Connection::execute(const std::string& sql) {
    const Watchdog::Watch watch(watchdog_, connection_->sock(), patience_);
    pqxx::nontransaction work(*connection_);
    return work.exec(sql);
}

void Connection::notify(const std::vector<Change>& changes) {
    run("notify", to_payloads(changes));
}

void Connection::set_durability(Durability durability) {
    if (durability_ == durability) return;
    durability_.reset();
    execute(durability == Durability::power ? "SET synchronous_commit = on" : "SET synchronous_commit = off");
    durability_ = durability;
}

void Connection::begin() {
    execute("BEGIN");
    in_transaction_ = true;
}

void Connection::commit() {
    execute("COMMIT");
    in_transaction_ = false;
}

void Connection::rollback() {
    execute("ROLLBACK");
    in_transaction_ = false;
}

bool Connection::seems_alive() {
    // An idle server sends little: TLS session keys, or the end of the connection, which leaves the socket
    // readable.
    pollfd fd{connection_->sock(), POLLIN, 0};
    for (int tries = 0; connection_->is_open() && tries < 3; ++tries) {
        if (poll(&fd, 1, 0) == 0) return true;
        try {
            connection_->get_notifs();
        } catch (const pqxx::failure&) {
            return false;
        }
    }
    return false;
}

}  // namespace pricewire::storage::postgres
