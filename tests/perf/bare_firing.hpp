#pragma once

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "bare_sql.hpp"
#include "domain/alert.hpp"
#include "domain/alert_state.hpp"
#include "places.hpp"
#include "storage/sqlite/connection.hpp"

// The rows that the firing of one alert writes, by prepared statements in one transaction: the least that it takes in this
// database.
namespace pricewire::perf {

class BareFiring {
public:
    virtual ~BareFiring() = default;
    // Fires an alert by what the program has written for another one, claimed as it claims it. Returns once it is durable.
    virtual void fire(const Uuid& alert_id, const FiringGroup& written) = 0;
    // So that the log stays as long as it is. Takes a while.
    virtual void checkpoint() {}

protected:
    static constexpr const char* owner = "sender";
    static Timestamp lease_until(const FiringGroup& written) {
        return written.fired_at + std::chrono::seconds{30};
    }
};

// One statement for each row.
class BareSqliteFiring : public BareFiring {
public:
    explicit BareSqliteFiring(const std::filesystem::path& file) : db_(file) {}

    void fire(const Uuid& alert_id, const FiringGroup& written) override {
        run(begin_);
        const int count = written.ruled.empty() ? plain(alert_id, written) : ruled(alert_id, written);
        run(user_, alert_id);
        run(commit_);
        if (count != 1) throw std::runtime_error("bare SQL has fired nothing");
    }
    void checkpoint() override { db_.run("PRAGMA wal_checkpoint(RESTART)"); }

private:
    int plain(const Uuid& alert_id, const FiringGroup& g) {
        const Uuid& id = g.firings.front().delivery_id;
        run(alert_, alert_id, g.fired_at, g.price.value, id);
        return run(delivery_, id, alert_id, lease_until(g), owner, g.fired_at, g.price.value, g.price.time);
    }
    int ruled(const Uuid& alert_id, const FiringGroup& g) {
        const RuledFiring& f = g.ruled.front();
        run(state_, alert_id, f.number, f.after.muted_until, to_text(f.after.rules), g.fired_at, f.value);
        run(ruled_alert_, alert_id, f.delivery_id);
        return run(ruled_delivery_, f.delivery_id, alert_id, lease_until(g), owner, g.fired_at, f.value,
                   f.time, f.number, f.revision, f.level, to_string(f.condition), f.evidence);
    }
    template <typename... Values>
    static int run(SQLite::Statement& statement, const Values&... values) {
        int at = 0;
        (storage::sqlite::bind_one(statement, ++at, values), ...);
        const int changed = statement.exec();
        statement.reset();
        return changed;
    }

    BareSqlite db_;
    SQLite::Statement begin_ = db_.prepared("BEGIN IMMEDIATE");
    SQLite::Statement commit_ = db_.prepared("COMMIT");
    SQLite::Statement user_ = db_.prepared(R"(
        UPDATE users SET active_alerts = active_alerts - 1 WHERE id = (SELECT user_id FROM alerts WHERE id = ?))");
    SQLite::Statement alert_ = db_.prepared(R"(
        UPDATE alerts SET is_active = 0, triggered_at = ?2, triggered_price = ?3, delivery_id = ?4 WHERE id = ?1)");
    SQLite::Statement delivery_ = db_.prepared(R"(
        INSERT INTO deliveries (id, alert_id, user_id, state, due_at, lease_owner, created_at, deadline, firing,
                                price, price_time)
        SELECT ?1, id, user_id, 'delivering', ?3, ?4, ?5, ?5 + deliver_within, 1, ?6, ?7 FROM alerts WHERE id = ?2)");
    SQLite::Statement state_ = db_.prepared(R"(
        UPDATE alert_states SET firings = ?2, not_before = ?3, rules = ?4, triggered_at = ?5, triggered_price = ?6,
                                ended = 'fired', others = ''
        WHERE alert_id = ?1)");
    SQLite::Statement ruled_alert_ = db_.prepared(R"(
        UPDATE alerts SET is_active = 0, delivery_id = ?2 WHERE id = ?1)");
    SQLite::Statement ruled_delivery_ = db_.prepared(R"(
        INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, lease_owner, created_at, deadline, price,
                                price_time, firing, revision, level, condition, evidence)
        SELECT ?1, id, user_id, 'ruled', 'delivering', ?3, ?4, ?5, ?5 + deliver_within, ?6, ?7, ?8, ?9, ?10, ?11, ?12
        FROM alerts WHERE id = ?2)");
};

// One statement in all, and so one round trip.
class BarePostgresFiring : public BareFiring {
public:
    explicit BarePostgresFiring(const std::string& url) : db_(url) {
        db_.prepare("plain", R"(
            WITH fired AS (
                UPDATE alerts SET is_active = false, triggered_at = $5, triggered_price = $6, delivery_id = $1
                WHERE id = $2 AND is_active RETURNING id, user_id, deliver_within),
            counted AS (
                UPDATE users u SET active_alerts = active_alerts - 1 FROM fired f WHERE u.id = f.user_id)
            INSERT INTO deliveries (id, alert_id, user_id, state, due_at, lease_owner, created_at, deadline, firing,
                                    price, price_time)
            SELECT $1, id, user_id, 'delivering', $3::timestamptz, $4::text, $5,
                   $5 + deliver_within * interval '1 microsecond', 1, $6, $7::timestamptz
            FROM fired)");
        db_.prepare("ruled", R"(
            WITH state AS (
                UPDATE alert_states SET firings = $8, not_before = $13, rules = $14, triggered_at = $5,
                                        triggered_price = $6, ended = 'fired', others = ''
                WHERE alert_id = $2),
            fired AS (
                UPDATE alerts SET is_active = false, delivery_id = $1
                WHERE id = $2 AND is_active RETURNING id, user_id, deliver_within),
            counted AS (
                UPDATE users u SET active_alerts = active_alerts - 1 FROM fired f WHERE u.id = f.user_id)
            INSERT INTO deliveries (id, alert_id, user_id, kind, state, due_at, lease_owner, created_at, deadline,
                                    price, price_time, firing, revision, level, condition, evidence)
            SELECT $1, id, user_id, 'ruled', 'delivering', $3::timestamptz, $4::text, $5,
                   $5 + deliver_within * interval '1 microsecond', $6, $7::timestamptz, $8, $9::bigint, $10::numeric,
                   $11::alert_condition, $12::text
            FROM fired)");
    }
    void fire(const Uuid& alert_id, const FiringGroup& g) override {
        using storage::postgres::param;
        std::string count;
        if (g.ruled.empty()) {
            count = db_.run("plain",
                            {param(g.firings.front().delivery_id), param(alert_id), param(lease_until(g)),
                             param(owner), param(g.fired_at), param(g.price.value), param(g.price.time)});
        } else {
            const RuledFiring& f = g.ruled.front();
            count = db_.run(
                "ruled", {param(f.delivery_id), param(alert_id), param(lease_until(g)), param(owner),
                          param(g.fired_at), param(f.value), param(f.time), param(f.number),
                          param(f.revision), param(f.level), param(to_string(f.condition)), param(f.evidence),
                          param(f.after.muted_until), param(to_text(f.after.rules))});
        }
        if (count != "1") throw std::runtime_error("bare SQL has fired nothing");
    }

private:
    BarePostgres db_;
};

// Waits until the place's storage, which must be open, has prepared its log: it then has its whole length.
inline std::unique_ptr<BareFiring> bare_firing(const SqlitePlace& place) {
    const std::string log = place.file().string() + "-wal";
    std::error_code error;
    for (std::uintmax_t size = 0, before = 1; size != before;) {
        before = size;
        std::this_thread::sleep_for(std::chrono::milliseconds{500});
        size = std::filesystem::file_size(log, error);
    }
    return std::make_unique<BareSqliteFiring>(place.file());
}
inline std::unique_ptr<BareFiring> bare_firing(const PostgresPlace& place) {
    return std::make_unique<BarePostgresFiring>(place.url());
}

// What firings have written, but for ids and what has become of their deliveries since.
inline std::string rows_of_firings(const Place& place, std::string_view join, std::string_view array) {
    return place.ask(fmt::format(
        R"(SELECT {}(CAST(line AS text), ';') FROM (
               SELECT {}(d.kind, d.firing, d.price, d.price_time, d.created_at, d.deadline, d.late, d.revision, d.level,
                         d.condition, d.evidence, a.is_active, a.triggered_at, a.triggered_price, a.late,
                         u.active_alerts, s.firings, s.rules, s.not_before, s.triggered_at, s.triggered_price, s.late,
                         s.ended, s.others) AS line
               FROM deliveries d JOIN alerts a ON a.delivery_id = d.id JOIN users u ON u.id = a.user_id
                    LEFT JOIN alert_states s ON s.alert_id = a.id
               ORDER BY d.created_at) firings)",
        join, array));
}
inline std::string rows_of_firings(const SqlitePlace& place) {
    return rows_of_firings(place, "group_concat", "json_array");
}
inline std::string rows_of_firings(const PostgresPlace& place) {
    return rows_of_firings(place, "string_agg", "json_build_array");
}

}  // namespace pricewire::perf
