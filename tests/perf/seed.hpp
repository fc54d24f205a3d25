#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "test_database/test_database.hpp"

namespace pricewire::perf {

// Inserts `count` active "gt" alerts of 1,000 users on BTC directly into the database, with targets from
// `from` upwards in steps of 0.01: creating a million through the API would take longer than the measurement.
inline void seed_alerts(const std::filesystem::path& file, std::size_t count, const std::string& from,
                        const std::string& url = "https://example.com/hook") {
    SQLite::Database db(file.string(), SQLite::OPEN_READWRITE);
    SQLite::Statement insert(db, R"(
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
        INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at)
        SELECT CAST(printf('%016d', i) AS BLOB), CAST(printf('user%012d', i % 1000) AS BLOB), 'BTC', 'gt',
               printf('%d.%02d', ?2 + i / 100, i % 100), ?3, 1, 1700000000000000 FROM n)");
    insert.bind(1, static_cast<std::int64_t>(count));
    insert.bind(2, static_cast<std::int64_t>(std::stoll(from)));
    insert.bind(3, url);
    insert.exec();
    db.exec(
        "INSERT OR IGNORE INTO users (id, email, api_key_hash, webhook_secret, is_active, created_at) "
        "SELECT DISTINCT user_id, hex(user_id) || '@example.com', CAST(user_id || user_id AS BLOB), "
        "'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 1, 0 FROM alerts");
}

// The same in PostgreSQL; with more than one ticker they are on BTC, T1, T2 and so on in turn.
inline void seed_alerts_postgres(const test::TestDatabase& database, std::size_t count,
                                 const std::string& from, const std::string& url = "https://example.com/hook",
                                 std::size_t tickers = 1) {
    const auto user = [](const std::string& n) {
        return "('00000000-0000-7000-8000-' || lpad((" + n + ")::text, 12, '0'))::uuid";
    };
    const std::string n = std::to_string(tickers);
    const std::string ticker = "CASE i % " + n + " WHEN 0 THEN 'BTC' ELSE 'T' || i % " + n + " END";
    database.ask(
        "INSERT INTO users (id, email, api_key_hash, webhook_secret, is_active, active_alerts, "
        "created_at) SELECT " +
        user("u") +
        ", u || '@bench.example', sha256(u::text::bytea), 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', "
        "true, (" +
        std::to_string(count) + " + 999 - u) / 1000, now() FROM generate_series(0, 999) u");
    database.ask(
        "INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, created_at, format, "
        "note, deliver_within) SELECT ('01800000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid, " +
        user("i % 1000") + ", " + ticker + ", 'gt', " + from + " + i::numeric / 100, '" + url +
        "', now(), 'json', '', 86400000000 FROM generate_series(0, " + std::to_string(count - 1) + ") i");
    // So that its background work is not part of the measurement.
    database.ask("VACUUM ANALYZE alerts");
    database.ask("VACUUM ANALYZE users");
    database.ask("CHECKPOINT");
}

}  // namespace pricewire::perf
