#pragma once

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bare_sql.hpp"
#include "base/mutex.hpp"
#include "places.hpp"

// The least that a firing can take: its rows, written by a statement for each table, with the ids of the deliveries and
// the numbers of each user at hand.
namespace pricewire::perf {

struct Part {
    std::string what;
    double seconds = 0;
};

struct FloorRun {
    double all = 0;
    std::vector<Part> parts;
};

// The statements that SQLite connections opened since have run, in order: consecutive ones of the same beginning are one.
// Each with its time, which SQLite counts in whole milliseconds.
class TracedStatements {
public:
    TracedStatements() {
        current() = this;
        sqlite3_auto_extension(reinterpret_cast<void (*)()>(&TracedStatements::attach));
    }
    ~TracedStatements() {
        sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&TracedStatements::attach));
        current() = nullptr;
    }
    TracedStatements(const TracedStatements&) = delete;
    TracedStatements& operator=(const TracedStatements&) = delete;

    std::vector<Part> take() {
        MutexLock lock(mutex_);
        std::erase_if(parts_, [](const Part& part) { return part.seconds < 0.001; });
        return std::exchange(parts_, {});
    }

private:
    static TracedStatements*& current() {
        static TracedStatements* traced = nullptr;
        return traced;
    }
    static int attach(sqlite3* db, const char**, const void*) {
        return sqlite3_trace_v2(db, SQLITE_TRACE_PROFILE, &TracedStatements::on_end, nullptr);
    }
    static int on_end(unsigned, void*, void* statement, void* nanoseconds) {
        if (current() != nullptr) {
            current()->add(sqlite3_sql(static_cast<sqlite3_stmt*>(statement)),
                           static_cast<double>(*static_cast<sqlite3_int64*>(nanoseconds)) / 1e9);
        }
        return 0;
    }
    void add(std::string_view sql, double seconds) {
        sql.remove_prefix(std::min(sql.find_first_not_of(" \n"), sql.size()));
        const std::string what(sql.substr(0, sql.find_first_of("(\n=,")));
        MutexLock lock(mutex_);
        if (parts_.empty() || parts_.back().what != what) parts_.push_back({what, 0});
        parts_.back().seconds += seconds;
    }

    Mutex mutex_;
    std::vector<Part> parts_ GUARDED_BY(mutex_);
};

namespace floor_detail {

using Clock = std::chrono::steady_clock;

template <typename Run>
FloorRun timed(const std::vector<std::pair<std::string, std::string>>& statements, Run run) {
    FloorRun out;
    const auto start = Clock::now();
    auto last = start;
    for (const auto& [what, sql] : statements) {
        run(sql);
        const auto now = Clock::now();
        out.parts.push_back({what, std::chrono::duration<double>(now - last).count()});
        last = now;
    }
    out.all = std::chrono::duration<double>(last - start).count();
    return out;
}

}  // namespace floor_detail

// What a firing changes beside the tables themselves.
inline std::vector<std::string> indexes_of_firing(std::string_view place) {
    std::vector<std::string> all{"alerts_active", "alerts_by_ticker", "deliveries_due", "deliveries_by_user"};
    // There, a row's new version is in each of its table's indexes.
    if (place == "PostgreSQL") all.insert(all.end(), {"alerts_by_user", "deliveries_due_by_slot"});
    return all;
}

// Of `count` alerts seeded here, for which the place must be new. Without the index, if it is named.
inline FloorRun fire_by_bare_sql(SqlitePlace& place, std::size_t count,
                                 const std::string& without_index = "") {
    place.open({});
    place.seed(count, "100");
    BareSqlite db(place.file());
    db.run("CREATE TEMP TABLE ids (alert_id BLOB PRIMARY KEY, delivery_id BLOB NOT NULL) WITHOUT ROWID");
    db.run(
        "INSERT INTO ids SELECT id, CAST(printf('%016d', row_number() OVER (ORDER BY id)) AS BLOB) FROM "
        "alerts");
    if (!without_index.empty()) db.run("DROP INDEX " + without_index);
    db.run("CREATE TEMP TABLE counts AS SELECT user_id, count(*) AS fired FROM alerts GROUP BY user_id");
    db.run("CREATE INDEX temp.counts_by_user ON counts (user_id)");
    db.run("PRAGMA wal_checkpoint(RESTART)");
    constexpr const char* at = "1700000000000000";
    using std::string;
    return floor_detail::timed(
        {{"BEGIN", "BEGIN IMMEDIATE"},
         {"INSERT INTO deliveries",
          string("INSERT INTO deliveries (id, alert_id, user_id, state, due_at, created_at, deadline, "
                 "firing, price, "
                 "price_time) SELECT i.delivery_id, i.alert_id, a.user_id, 'pending', ") +
              at + ", " + at + ", " + at + " + a.deliver_within, 1, '1000000000', " + at +
              " FROM temp.ids i CROSS JOIN alerts a ON a.id = i.alert_id WHERE a.is_active = 1"},
         {"UPDATE alerts",
          string("UPDATE alerts SET is_active = 0, triggered_at = ") + at +
              ", triggered_price = '1000000000', "
              "delivery_id = (SELECT i.delivery_id FROM temp.ids i WHERE i.alert_id = alerts.id) "
              "WHERE id IN (SELECT alert_id FROM temp.ids) AND +is_active = 1"},
         {"UPDATE users",
          "UPDATE users SET active_alerts = active_alerts - (SELECT c.fired FROM temp.counts c WHERE "
          "c.user_id = users.id)"},
         {"COMMIT", "COMMIT"}},
        [&](const string& sql) { db.run(sql); });
}

inline FloorRun fire_by_bare_sql(PostgresPlace& place, std::size_t count,
                                 const std::string& without_index = "") {
    place.open({});
    BarePostgres db(place.url());
    db.run("CREATE TABLE ids (alert_id uuid PRIMARY KEY, delivery_id uuid NOT NULL)");
    if (!without_index.empty()) db.run("DROP INDEX " + without_index);
    place.seed(count, "100");
    db.run(
        "INSERT INTO ids SELECT id, ('01900000-0000-7000-8000-' || "
        "lpad((row_number() OVER (ORDER BY id))::text, 12, '0'))::uuid FROM alerts");
    db.run("VACUUM ANALYZE ids");
    db.run("CHECKPOINT");
    return floor_detail::timed(
        {{"BEGIN", "BEGIN"},
         {"UPDATE alerts, INSERT INTO deliveries, UPDATE users",
          "WITH fired AS (UPDATE alerts a SET is_active = false, triggered_at = now(), triggered_price = "
          "1000000000, "
          "delivery_id = i.delivery_id FROM ids i WHERE a.id = i.alert_id AND a.is_active "
          "RETURNING a.id, a.user_id, a.delivery_id, a.triggered_at, a.deliver_within), "
          "written AS (INSERT INTO deliveries (id, alert_id, user_id, state, due_at, created_at, deadline, "
          "firing, "
          "price, price_time) SELECT delivery_id, id, user_id, 'pending', triggered_at, triggered_at, "
          "triggered_at + deliver_within * interval '1 microsecond', 1, 1000000000, triggered_at FROM fired) "
          "UPDATE users u SET active_alerts = active_alerts - c.fired "
          "FROM (SELECT user_id, count(*) AS fired FROM fired GROUP BY user_id) c WHERE u.id = c.user_id"},
         {"COMMIT", "COMMIT"}},
        [&](const std::string& sql) { db.run(sql); });
}

}  // namespace pricewire::perf
