// No statement reads, sorts or hashes a table that grows, where there are 100 million alerts and deliveries. The tables have
// some thousand rows each; their statistics say how many there are.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <vector>

#include "storage/named_queries.hpp"
#include "storage/postgres/connection.hpp"
#include "storage/postgres/postgres_queries.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::storage::postgres {
namespace {

using namespace std::chrono_literals;

// As many as there are in the large database.
constexpr const char* table_sizes = R"(
    CREATE TEMP TABLE sizes (name text PRIMARY KEY, rows float8);
    INSERT INTO sizes VALUES
        ('users', 1e6), ('alerts', 1e8), ('alert_states', 3e7), ('alert_rules', 1e6), ('push_subscriptions', 1e6),
        ('deliveries', 1e8), ('attempts_before', 2e8), ('prices_fired', 1e7), ('disabled_endpoints', 1e5),
        ('endpoint_refusals', 1e5), ('endpoints_seen', 3e6), ('endpoint_calls', 1e8), ('user_breakers', 1e4),
        ('idempotency_keys', 1e7), ('bars', 1.3e8), ('hour_bars', 1e7), ('day_bars', 4e5), ('blind_spans', 1e6),
        ('listings', 5e4))";

// Those with as many rows as there are venues, watched tickers or processes, or fewer.
constexpr const char* small_tables =
    "'{attempts,attempts_rest,breakers,fills,judged,listing_sources,members,schema_migrations,senders,"
    "server_keys,ticker_needs,watch_states,write_probe}'::text[]";

// Ids in the order of time, as all are.
constexpr const char* helpers = R"(
    CREATE FUNCTION at(place bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
    $$ SELECT to_timestamp(1700000000 + place * 60) $$;
    CREATE FUNCTION id(place bigint, salt text) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT (lpad(to_hex(1700000000000 + place * 60000), 12, '0') || substr(md5(salt || place), 1, 20))::uuid $$;
    CREATE FUNCTION ticker(place bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'T' || place % 1000 $$;
    CREATE FUNCTION url(place bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$ SELECT 'https://example.com/' || place % 1000 || '/' || place % 3 $$)";

// Most alerts are active, a third has a rule; one delivery in seventy is due, one in five thousand claimed.
constexpr const char* rows = R"(
    INSERT INTO users (id, email, api_key_hash, webhook_secret, is_active, created_at, deleted_at)
    SELECT id(g, 'u'), g || '@example.com', sha256(g::text::bytea), 's', true, at(g), CASE WHEN g % 100 = 0 THEN at(g) END
    FROM generate_series(1, 1000) g;
    INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at, format, note,
                        deliver_within, triggered_at, deleted_at, delivery_id, changed_at, rule)
    SELECT id(g, 'a'), id(g % 1000 + 1, 'u'), ticker(g / 7), (ARRAY['gt', 'lt'])[g % 2 + 1]::alert_condition, g, url(g),
           g % 10 < 6, at(g), 'json', '', 1, CASE WHEN g % 10 >= 7 THEN at(g) END, CASE WHEN g % 50 = 9 THEN at(g) END,
           CASE WHEN g % 10 >= 7 THEN id(g, 'd') END, CASE WHEN g % 10 < 2 THEN at(g) END,
           CASE WHEN g % 3 = 0 THEN 'rule' END
    FROM generate_series(1, 20000) g;
    INSERT INTO alert_states (alert_id, user_id, firings, rules, begun_at, notify_on_expiry, expires_at, others)
    SELECT id(g, 'a'), id(g % 1000 + 1, 'u'), 0, '', at(g), false, CASE WHEN g % 10 = 0 THEN at(g) END,
           CASE WHEN g % 20 = 0 THEN ticker(g) ELSE '' END
    FROM generate_series(3, 20000, 3) g;
    INSERT INTO alert_rules SELECT id(g, 'a'), 1, 'rule', at(g) FROM generate_series(3, 20000, 30) g;
    INSERT INTO push_subscriptions (id, user_id, endpoint, keys, label, created_at)
    SELECT id(g, 'p'), id(g, 'u'), 'https://push.example.com/' || g, '', '', at(g) FROM generate_series(1, 1000) g;
    INSERT INTO deliveries (id, alert_id, user_id, kind, state, attempts, due_at, lease_owner, lane, lane_turn, created_at,
                            deadline, finished_at, firing, test_price, revision, push_id, push_revision, price_fired)
    SELECT id(g, 'd'), id(g, 'a'), id(g % 1000 + 1, 'u'), kind::delivery_kind,
           (CASE WHEN g % 5000 = 99 THEN 'delivering' WHEN due THEN 'pending' WHEN g % 50 = 0 THEN 'failed'
                 ELSE 'delivered' END)::delivery_state,
           1, CASE WHEN due THEN at(g) END, CASE WHEN g % 5000 = 99 THEN 'sender ' || g END,
           CASE WHEN g % 200 = 98 THEN 'lane ' || g END, CASE WHEN g % 200 = 98 THEN g END, at(g), at(g),
           CASE WHEN NOT due THEN at(g) END, g, CASE WHEN kind = 'test' THEN 1 END, CASE WHEN kind = 'ruled' THEN 1 END,
           CASE WHEN kind = 'push' THEN id(g % 1000 + 1, 'p') END, CASE WHEN kind = 'push' THEN 1 END, id(g, 'g')
    FROM (SELECT g, g % 200 BETWEEN 97 AND 99 AS due,
                 (ARRAY['alert', 'alert', 'alert', 'alert', 'ruled', 'ruled', 'ruled', 'push', 'push', 'test'])[g % 10 + 1]
                     AS kind
          FROM generate_series(1, 20000) g) n;
    INSERT INTO attempts (delivery_id, number, started_at, duration_us, error, remote_ip, request_headers, answer)
    SELECT id(g, 'd'), n, at(g), 1, '', '', '', '' FROM generate_series(1, 20000) g, generate_series(1, 2) n;
    INSERT INTO prices_fired SELECT id(g, 'g'), '', at(g) FROM generate_series(1, 10000) g;
    INSERT INTO disabled_endpoints SELECT id(g, 'u'), url(g + 1), at(g), '' FROM generate_series(1, 1000) g;
    INSERT INTO endpoint_refusals SELECT id(g, 'u'), url(g), CASE WHEN g % 100 = 0 THEN 60 ELSE 1 END, 403, at(g)
    FROM generate_series(1, 1000) g;
    INSERT INTO endpoints_seen (user_id, webhook_url, last_at)
    SELECT id(g % 1000, 'u'), url(g), at(g) FROM generate_series(1, 3000) g;
    INSERT INTO endpoint_calls SELECT id(g % 1000, 'u'), url(g), g / 500, true, g % 10, 1 FROM generate_series(1, 20000) g;
    INSERT INTO user_breakers SELECT id(g, 'u'), url(g), 'open', 1, at(g), '', at(g) FROM generate_series(1, 1000) g;
    INSERT INTO idempotency_keys SELECT id(g % 1000, 'u'), 'key ' || g, '', 201, '', 10, at(g)
    FROM generate_series(1, 10000) g;
    INSERT INTO bars SELECT ticker(g), at(g), 1, 1, 1, 1 FROM generate_series(1, 20000) g;
    INSERT INTO hour_bars SELECT ticker(g), at(g * 60), 1, 1, 1, 1, at(g), at(g) FROM generate_series(1, 10000) g;
    INSERT INTO day_bars SELECT ticker(g), at(g * 1440), 1, 1, 1, 1, 1 FROM generate_series(1, 4000) g;
    INSERT INTO blind_spans (ticker, started_at, ended_at, reason, state, unknown_us, due_at)
    SELECT ticker(g), at(g), CASE WHEN g % 1000 > 0 THEN at(g + 10) END, '', 'open', 1,
           CASE WHEN g % 1000 = 0 THEN at(g) END
    FROM generate_series(1, 5000) g;
    INSERT INTO listings (source, symbol, ticker, currency, status, name)
    SELECT 'source ' || g % 17, 'symbol ' || g, ticker(g), 'USD', 'trading', '' FROM generate_series(1, 3000) g)";

// How many values a column has, where that grows with the table (negative: as a share of its rows), or is more than the
// sample has.
constexpr const char* values = R"(
    ALTER TABLE alerts ALTER user_id SET (n_distinct = -0.01), ALTER webhook_url SET (n_distinct = -0.03),
                       ALTER ticker SET (n_distinct = 1000);
    ALTER TABLE alert_states ALTER user_id SET (n_distinct = -0.03), ALTER others SET (n_distinct = 5000);
    ALTER TABLE deliveries ALTER user_id SET (n_distinct = -0.01), ALTER push_id SET (n_distinct = -0.01),
                           ALTER alert_id SET (n_distinct = -0.5), ALTER price_fired SET (n_distinct = -0.1),
                           ALTER lease_owner SET (n_distinct = 100);
    ALTER TABLE attempts_before ALTER delivery_id SET (n_distinct = -0.5);
    ALTER TABLE endpoint_calls ALTER user_id SET (n_distinct = -0.01), ALTER webhook_url SET (n_distinct = -0.03);
    ALTER TABLE endpoints_seen ALTER user_id SET (n_distinct = -0.3);
    ALTER TABLE disabled_endpoints ALTER user_id SET (n_distinct = -0.5);
    ALTER TABLE endpoint_refusals ALTER user_id SET (n_distinct = -0.5);
    ALTER TABLE user_breakers ALTER user_id SET (n_distinct = -0.5);
    ALTER TABLE idempotency_keys ALTER user_id SET (n_distinct = -0.1);
    ALTER TABLE bars ALTER ticker SET (n_distinct = 1000), ALTER start SET (n_distinct = -0.001);
    ALTER TABLE hour_bars ALTER ticker SET (n_distinct = 1000), ALTER start SET (n_distinct = -0.001);
    ALTER TABLE day_bars ALTER ticker SET (n_distinct = 1000), ALTER start SET (n_distinct = -0.001))";

// The planner takes rows per page from the statistics, and counts the pages itself.
constexpr const char* statistics = R"(
    UPDATE pg_class c SET reltuples = s.rows * c.reltuples / t.reltuples
    FROM sizes s JOIN pg_class t ON t.oid = s.name::regclass JOIN pg_index i ON i.indrelid = t.oid
    WHERE c.oid = i.indexrelid;
    UPDATE pg_class t SET reltuples = s.rows FROM sizes s WHERE t.oid = s.name::regclass)";

// What is wrong with the generic plan of a prepared statement. Rows "of a limit" are read until it is reached. A parameter
// of LIMIT makes the planner expect a tenth of all rows, so that numbers say something only where that is known.
constexpr const char* judge = R"(
    CREATE FUNCTION faults(call text, known_limit boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
    DECLARE whole jsonb;
    BEGIN
        EXECUTE 'EXPLAIN (FORMAT JSON) EXECUTE ' || call INTO whole;
        RETURN QUERY WITH RECURSIVE node(plan, kind, of_limit) AS (
            SELECT whole->0->'Plan', whole->0->'Plan'->>'Node Type', false
            UNION ALL
            SELECT child, child->>'Node Type',
                   child->>'Parent Relationship' IN ('Outer', 'Member', 'Subquery')
                   AND (n.kind = 'Limit'
                        OR n.of_limit AND n.kind IN ('LockRows', 'Nested Loop', 'Subquery Scan', 'Result', 'Append',
                                                     'Merge Append', 'Incremental Sort', 'Unique'))
            FROM node n, jsonb_array_elements(n.plan->'Plans') child),
        judged AS (
            SELECT n.*, n.plan->>'Relation Name' AS relation, (n.plan->>'Plan Rows')::float8 AS rows,
                   (n.plan->>'Total Cost')::float8 AS cost,
                   n.kind IN ('Index Scan', 'Index Only Scan', 'Bitmap Index Scan') AND NOT n.plan ? 'Index Cond'
                   AND i.indpred IS NULL AS whole_index
            FROM node n LEFT JOIN pg_class c ON c.relname = n.plan->>'Index Name'
                        LEFT JOIN pg_index i ON i.indexrelid = c.oid)
        SELECT 'reads all of ' || relation FROM judged WHERE kind = 'Seq Scan' AND relation IN (SELECT name FROM sizes)
        UNION ALL
        SELECT 'reads all of ' || (plan->>'Index Name') FROM judged WHERE whole_index AND NOT of_limit
        UNION ALL
        SELECT kind || ' of ' || rows || ' rows' FROM judged WHERE known_limit AND NOT of_limit AND rows > 150000
        UNION ALL
        SELECT 'costs ' || cost FROM judged WHERE known_limit AND plan = whole->0->'Plan' AND cost > 50000;
    END $$)";

// Those that are to read all of a table, and why.
const std::map<std::string, std::string, std::less<>> whole_tables{
    {"users_all", "an operator's list of all users"},
    {"alerts_declare", "a checker's snapshot: all active alerts, by a cursor"},
    {"alerts_declare_of", "the same of a checker's own tickers"},
    {"breakers_all", "what a sender loads when it starts"},
    {"refusals_any", "ends with the first row"},
};

class LargePlansTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::postgres_url()) GTEST_SKIP() << test::postgres_missing;
        database_.emplace();
        db_.emplace(ConnectionOptions{database_->url(), 5s, 60s}, watchdog_);
        for (const char* sql : {table_sizes, helpers, rows, values}) db_->execute(sql);
        // Nobody else is to count the rows.
        db_->execute(
            "DO $$ DECLARE t text; BEGIN FOR t IN SELECT name FROM sizes LOOP "
            "EXECUTE 'ALTER TABLE ' || t || ' SET (autovacuum_enabled = false)'; END LOOP; END $$");
        db_->execute("VACUUM ANALYZE");
        // A partition that NULL does not lead to would be left out of what is shown. An index is to be the cheapest here without
        // being forced.
        for (const char* sql :
             {statistics, judge, "SET enable_partition_pruning = off", "SET enable_seqscan = on"})
            db_->execute(sql);
    }

    // The statement with the limits that callers give, and its parameters numbered again.
    static std::string with_limits(const std::string& sql) {
        static const std::regex limit(R"((LIMIT|OFFSET) \$\d+::bigint)");
        static const std::regex parameter(R"(\$\d+)");
        const std::string limited = std::regex_replace(sql, limit, "$1 1000");
        std::map<std::string, std::size_t> numbers;
        std::string out;
        auto rest = limited.cbegin();
        for (std::sregex_iterator it(limited.begin(), limited.end(), parameter); it != std::sregex_iterator();
             ++it) {
            out.append(rest, (*it)[0].first);
            out += fmt::format("${}", numbers.try_emplace(it->str(), numbers.size() + 1).first->second);
            rest = (*it)[0].second;
        }
        return out.append(rest, limited.cend());
    }
    static std::size_t parameters_of(const std::string& sql) {
        std::size_t count = 0;
        while (sql.find(fmt::format("${}::", count + 1)) != std::string::npos) ++count;
        return count;
    }
    std::vector<std::string> faults(const std::string& sql, bool known_limit) {
        db_->execute("DEALLOCATE ALL");
        db_->execute("PREPARE judged AS " + sql);
        std::vector<std::string> nulls(parameters_of(sql), "NULL");
        const std::string call = nulls.empty() ? "judged" : fmt::format("judged({})", fmt::join(nulls, ", "));
        std::vector<std::string> out;
        for (const auto& row : db_->execute(fmt::format("SELECT faults('{}', {})", call, known_limit)))
            out.emplace_back(row[0].c_str());
        return out;
    }
    // With limits as parameters and with known ones.
    std::string faults(const std::string& sql) {
        try {
            const auto generic = faults(sql, false);
            const auto known = faults(with_limits(sql), true);
            return fmt::format("{}", fmt::join(generic.empty() ? known : generic, "; "));
        } catch (const std::exception& e) {
            return std::string("cannot be planned: ") + e.what();
        }
    }
    // All that the file has, but for parts of statements. Nothing is planned where a cursor is read.
    static std::map<std::string, std::string> statements() {
        static const std::regex cursor(R"(DECLARE \w+ NO SCROLL CURSOR FOR)");
        std::map<std::string, std::string> out;
        for (const auto& [name, text] : named_queries(postgres_queries())) {
            const std::size_t end = text.find_last_not_of(" \n");
            if (end == std::string::npos || text[end] != ';' || text.find("FETCH ") != std::string::npos)
                continue;
            out.emplace(name, std::regex_replace(text, cursor, ""));
        }
        return out;
    }

    std::optional<test::TestDatabase> database_;
    Watchdog watchdog_;
    std::optional<Connection> db_;
};

TEST_F(LargePlansTest, NoStatementReadsATableThatGrows) {
    for (const auto& [name, sql] : statements()) {
        const std::string found = faults(sql);
        if (whole_tables.contains(name)) {
            EXPECT_FALSE(found.starts_with("cannot")) << name << ": " << found;
        } else {
            EXPECT_EQ(found, "") << name;
        }
    }
}

TEST_F(LargePlansTest, EachTableIsSaidToGrowOrNot) {
    for (const auto& row :
         db_->execute(fmt::format("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace "
                                  "= 'public'::regnamespace "
                                  "AND relname <> ALL ({}) AND relname NOT IN (SELECT name FROM sizes)",
                                  small_tables)))
        ADD_FAILURE() << row[0].c_str() << " is not among small_tables or table_sizes";
}

TEST_F(LargePlansTest, BadPlansAreFound) {
    const struct {
        const char* sql;
        const char* fault;
    } cases[] = {
        {"SELECT id FROM alerts WHERE note = $1::text", "reads all of alerts"},
        {"SELECT count(*) FROM deliveries", "reads all of"},
        {"SELECT id FROM alerts ORDER BY created_at LIMIT $1::bigint", "reads all of alerts"},
        {"SELECT u.id FROM users u WHERE u.email > $1::text", "reads all of users"},
        {"SELECT id FROM alerts WHERE is_active ORDER BY ticker", "rows"},
        {"SELECT id FROM deliveries WHERE due_at < $1::timestamptz", "rows"},
        {"SELECT id FROM deliveries WHERE due_at < $1::timestamptz ORDER BY lane LIMIT $2::bigint", "rows"},
        {"SELECT number FROM attempts ORDER BY delivery_id DESC", "reads all of attempts_before"},
        {"SELECT nothing FROM alerts", "cannot be planned"},
        {"SELECT id FROM alerts WHERE user_id = $1::uuid AND ticker = $2::text", ""},
    };
    for (const auto& c : cases) {
        const std::string found = faults(c.sql);
        if (std::string_view(c.fault).empty())
            EXPECT_EQ(found, "") << c.sql;
        else
            EXPECT_NE(found.find(c.fault), std::string::npos) << c.sql << ": " << found;
    }
}

}  // namespace
}  // namespace pricewire::storage::postgres
