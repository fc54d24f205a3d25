// The hot statements use the indexes created for them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <pqxx/pqxx>

#include "storage/postgres/connection.hpp"
#include "storage/postgres/pushed.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::storage::postgres {
namespace {

using namespace std::chrono_literals;

class PostgresPlansTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::postgres_url()) GTEST_SKIP() << test::postgres_missing;
        database_.emplace();
        db_.emplace(ConnectionOptions{database_->url(), 5s, 60s}, watchdog_);
        // Rows of every kind, most of them old.
        db_->execute(R"(
            INSERT INTO users (id, email, api_key_hash, webhook_secret, is_active, created_at)
            SELECT gen_random_uuid(), g || '@example.com', sha256(g::text::bytea), 's', true, now()
            FROM generate_series(1, 1500) g;
            INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at, format, note,
                                deliver_within)
            SELECT gen_random_uuid(), u.id, 'BTC', 'gt', g, 'https://example.com', g = 1, now(), 'json', '', 1
            FROM users u, generate_series(1, 10) g;
            INSERT INTO push_subscriptions (id, user_id, endpoint, keys, label, created_at)
            SELECT gen_random_uuid(), id, id::text, '', '', now() FROM users;
            INSERT INTO deliveries (id, alert_id, user_id, state, due_at, lease_owner, created_at, deadline, finished_at,
                                    push_id)
            SELECT gen_random_uuid(), id, user_id, CASE WHEN target = 2 THEN 'pending' ELSE 'delivered' END::delivery_state,
                   CASE WHEN target = 2 THEN now() END, NULL, now(), now(), CASE WHEN target > 2 THEN now() END,
                   CASE WHEN target = 3 THEN gen_random_uuid() END
            FROM alerts WHERE NOT is_active;
            INSERT INTO alert_states (alert_id, user_id, firings, rules, begun_at, notify_on_expiry, others)
            SELECT id, user_id, 0, '', now(), false, 'ETH' FROM alerts;
            INSERT INTO attempts (delivery_id, number, started_at, duration_us, error, remote_ip, request_headers, answer)
            SELECT id, 1, now(), 1, '', '', '', '' FROM deliveries WHERE due_at IS NULL;
            INSERT INTO bars SELECT t, now() + g * interval '1 minute', 1, 1, 1, 1
            FROM unnest('{BTC,ETH,SOL}'::text[]) t, generate_series(1, 2000) g;
            INSERT INTO hour_bars SELECT t, now() + g * interval '1 hour', 1, 1, 1, 1, now(), now()
            FROM unnest('{BTC,ETH,SOL}'::text[]) t, generate_series(1, 2000) g;
            INSERT INTO day_bars SELECT t, now() + g * interval '1 day', 1, 1, 1, 1, 1
            FROM unnest('{BTC,ETH,SOL}'::text[]) t, generate_series(1, 2000) g;
            ANALYZE;
            -- Of tables as small as these, joining all is cheap.
            SET enable_hashjoin = off; SET enable_mergejoin = off;
            -- A partition that NULL does not lead to would be left out of what is shown.
            SET enable_partition_pruning = off)");
    }
    // The generic plan, which frequently used statements get.
    std::string plan(const std::string& name) {
        const std::string& sql = query(name);
        int parameters = 0;
        while (sql.find("$" + std::to_string(parameters + 1)) != std::string::npos) ++parameters;
        std::string values;
        for (int i = 0; i < parameters; ++i) values += i == 0 ? "NULL" : ", NULL";
        db_->execute(fmt::format("PREPARE {} AS {}", name, sql));
        std::string out;
        for (const auto& row : db_->execute(
                 fmt::format("EXPLAIN EXECUTE {}{}", name, parameters > 0 ? "(" + values + ")" : "")))
            out += std::string(row[0].c_str()) + "\n";
        return out;
    }

    // How many rows of deliveries a statement reads, in a transaction that is rolled back after `look`.
    template <typename... Values>
    std::int64_t rows_read(const std::function<void()>& look, const char* name, const Values&... values) {
        const auto read = [&] {
            const auto row = db_->execute(
                "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = "
                "'deliveries'");
            return row.at(0)[0].as<std::int64_t>();
        };
        db_->execute("BEGIN");
        const std::int64_t before = read();
        db_->run(name, values...);
        const std::int64_t out = read() - before;
        look();
        db_->execute("ROLLBACK");
        return out;
    }

    std::optional<test::TestDatabase> database_;
    Watchdog watchdog_;
    std::optional<Connection> db_;
};

TEST_F(PostgresPlansTest, HotStatementsUseTheirIndexes) {
    static const std::map<const char*, std::vector<const char*>> expected{
        {"user_by_key_hash", {"users_api_key_hash_key"}},
        {"user_by_email", {"users_email"}},
        {"alerts_insert", {"users_pkey", "disabled_endpoints_pkey"}},
        {"alerts_count", {"users_pkey"}},
        {"alert_get", {"using alerts_"}},
        {"alert_list", {"Index Scan Backward using alerts_by_user"}},
        {"alert_lock", {"using alerts_"}},
        {"alert_list_of_status", {"alerts_by_user", "alert_states_pkey"}},
        {"alert_active", {"alerts_pkey", "alert_states_pkey"}},
        {"alerts_active_of", {"alerts_pkey", "alert_states_pkey"}},
        {"alert_identical", {"using alerts_active"}},
        {"alerts_lock_of", {"alerts_by_user"}},
        {"state_forget", {"alert_states_pkey"}},
        {"tests_adopt", {"deliveries_of_tests"}},
        {"rule_replaced", {"deliveries_"}},
        {"fire_late", {"deliveries_pkey", "alerts_pkey"}},
        {"ruled_lock", {"alerts_pkey"}},
        {"ruled_fire", {"alerts_pkey", "alert_states_pkey"}},
        {"ruled_fire_one", {"alerts_pkey", "alert_states_pkey", "users_pkey", "push_subscriptions_of_user"}},
        {"ruled_notes_lock", {"alerts_pkey", "alert_states_pkey"}},
        {"ruled_notes", {"alert_states_pkey"}},
        {"ruled_expire", {"alerts_pkey", "alert_states_pkey"}},
        {"firings_of_rules", {"deliveries_firing", "using alerts_", "prices_fired_pkey"}},
        {"firing_of_plain", {"deliveries_pkey", "using alerts_", "prices_fired_pkey"}},
        {"prune_rules", {"alert_rules_by_time", "deliveries_"}},
        {"prune_answers", {"idempotency_keys_by_time"}},
        {"answers_size", {"idempotency_keys_by_user"}},
        {"answers_oldest_kept", {"idempotency_keys_by_user"}},
        {"other_tickers", {"alert_states_others"}},
        {"ratios_of", {"alert_states_ratios_of_user"}},
        {"ratios_not_known_of", {"alert_states_ratios_not_known", "alerts_pkey"}},
        {"other_tickers_of", {"alert_states_others_of_user"}},
        {"fire", {"alerts_pkey"}},
        {"fire_one", {"alerts_pkey", "users_pkey", "push_subscriptions_of_user"}},
        {"fire_few", {"alerts_pkey", "users_pkey", "push_subscriptions_of_user"}},
        {"push_users", {"push_subscriptions_of_user"}},
        {"push_deliveries", {"deliveries_pkey", "push_subscriptions_of_user"}},
        {"push_end", {"deliveries_to_push", "deliveries_pkey"}},
        {"pushes_adopt", {"deliveries_pushed"}},
        {"claim", {"deliveries_pkey", "alerts_pkey"}},
        {"claim_one", {"deliveries_pkey", "alerts_pkey", "users_pkey"}},
        {"claim_due", {"deliveries_due", "deliveries_pkey", "alerts_pkey"}},
        {"claim_due_of", {"deliveries_due_by_slot", "deliveries_pkey", "alerts_pkey"}},
        {"next_due", {"deliveries_due"}},
        {"next_due_of", {"deliveries_due_by_slot"}},
        {"backlog", {"deliveries_due"}},
        {"release", {"deliveries_claimed", "deliveries_pkey"}},
        {"release_lease", {"using deliveries_", "deliveries_pkey"}},
        {"defer", {"deliveries_pkey"}},
        {"claim_lane", {"deliveries_deferred", "deliveries_pkey", "alerts_pkey"}},
        {"lanes", {"deliveries_deferred"}},
        {"record", {"deliveries_pkey", "alerts_pkey"}},
        {"drop_attempts", {"attempts_before_pkey"}},
        {"delivery_get", {"using deliveries_", "attempts_before_pkey"}},
        {"delivery_list", {"Index Scan Backward using deliveries_by_user"}},
        {"delivery_list_missed", {"deliveries_missed"}},
        {"delivery_list_of_alert",
         {"deliveries_pkey", "alerts_pkey", "deliveries_of_tests", "deliveries_of_rules",
          "deliveries_pushed"}},
        {"attempts_of", {"attempts_before_pkey"}},
        {"last_request", {"attempts_before_pkey"}},
        {"endpoints_seen", {"endpoints_seen_pkey"}},
        {"endpoint_calls", {"endpoint_calls_pkey"}},
        {"prune_endpoints_seen", {"endpoints_seen_old"}},
        {"prune_endpoint_calls", {"endpoint_calls_old"}},
        {"deliveries_lock_failed", {"deliveries_missed"}},
        {"prune_deliveries", {"deliveries_pkey"}},
        {"needed_tickers", {"alerts_by_ticker"}},
        {"alert_tickers", {"using alerts_"}},
        {"alert_list_changed", {"alerts_changed"}},
        {"alerts_deleted", {"alerts_changed"}},
        {"prune_alerts", {"alerts_gone_since"}},
        {"alert_counts", {"alerts_"}},
        {"alerts_of_ticker", {"alerts_by_ticker"}},
        {"bars", {"bars_pkey"}},
        {"hour_bars", {"hour_bars_pkey"}},
        {"bars_of", {"bars_pkey"}},
        {"hour_bars_of", {"hour_bars_pkey"}},
        {"day_bars", {"day_bars_pkey"}},
    };
    for (const auto& [name, indexes] : expected) {
        const std::string found = plan(name);
        for (const char* index : indexes)
            EXPECT_NE(found.find(index), std::string::npos) << name << " should use " << index << "\n"
                                                            << found;
        for (const char* table : {"alerts", "deliveries", "users"})
            EXPECT_EQ(found.find(std::string("Seq Scan on ") + table), std::string::npos) << name << "\n"
                                                                                          << found;
    }
}

// Plans are kept, and a process may have begun before there was a row.
TEST_F(PostgresPlansTest, APlanMadeWhenATableIsEmptyDoesNotReadAllOfIt) {
    db_.reset();
    const test::TestDatabase empty;
    db_.emplace(ConnectionOptions{empty.url(), 5s, 60s}, watchdog_);
    for (const char* name :
         {"record", "drop_attempts", "claim", "claim_one", "claim_due", "claim_due_of", "claim_lane", "defer",
          "release", "release_lease", "fire", "fire_few", "fire_one", "ruled_fire", "alerts_insert",
          "alert_delete", "push_deliveries", "prune_deliveries"}) {
        const std::string found = plan(name);
        for (const char* table :
             {"alerts", "alert_states", "attempts", "deliveries", "push_subscriptions", "users"})
            EXPECT_EQ(found.find(std::string("Seq Scan on ") + table), std::string::npos) << name << "\n"
                                                                                          << found;
    }
    db_.reset();
}

// A sender is in charge of some slots of users; a user of another slot has a backlog.
TEST_F(PostgresPlansTest, WhatIsDueOfUsersInOtherSlotsIsNotRead) {
    db_->execute(R"(
        CREATE TEMP TABLE two AS SELECT u.id, get_byte(uuid_send(u.id), 15) AS slot FROM users u
        WHERE get_byte(uuid_send(u.id), 15) IN (SELECT min(get_byte(uuid_send(id), 15)) FROM users
                                                UNION SELECT max(get_byte(uuid_send(id), 15)) FROM users);
        INSERT INTO deliveries (id, alert_id, user_id, state, due_at, created_at, deadline)
        SELECT gen_random_uuid(), a.id, a.user_id, 'pending', now() - interval '1 hour', now(), now()
        FROM (SELECT * FROM alerts WHERE user_id = (SELECT id FROM two ORDER BY slot, id LIMIT 1) LIMIT 1) a,
             generate_series(1, 5000);
        ANALYZE deliveries)");
    const auto slots = db_->execute("SELECT min(slot), max(slot) FROM two");
    const auto busy = slots.at(0)[0].as<std::size_t>();
    const auto other = slots.at(0)[1].as<std::size_t>();
    ASSERT_NE(busy, other);
    const Timestamp now = system_clock().now() + 1min;
    constexpr std::size_t limit = 10;
    const auto claimed_of = [&](std::size_t slot) {
        return db_
            ->execute(fmt::format("SELECT count(*) FROM deliveries WHERE lease_owner = 'me' AND "
                                  "get_byte(uuid_send(user_id), 15) = {}",
                                  slot))
            .at(0)[0]
            .as<int>();
    };
    const auto claim = [&](const std::function<void()>& look, const UserSlots& of) {
        return rows_read(look, "claim_due_of", now, limit, now + 1min, "me", Array(), numbers_of(of));
    };
    EXPECT_LT(claim([&] { EXPECT_GE(claimed_of(other), 1); }, UserSlots().set(other)), 100);
    const auto look = [&] {
        EXPECT_GE(claimed_of(other), 1) << "each slot has its part";
        EXPECT_GE(claimed_of(busy), 1);
    };
    EXPECT_LT(claim(look, UserSlots().set(other).set(busy)), 100);
    EXPECT_LT(claim([&] { EXPECT_EQ(claimed_of(busy), 10); }, UserSlots().set(busy)), 100);
    EXPECT_EQ(rows_read([] {}, "next_due_of", numbers_of(UserSlots().set(other))), 1);
}

// PostgreSQL plans a statement again at each run if that seems cheaper than the plan for any values, and at the first five.
// For one firing, planning takes longer than the firing.
TEST_F(PostgresPlansTest, AStatementIsNotPlannedAgain) {
    for (int i = 0; i < 10; ++i) {
        const Timestamp now = system_clock().now();
        db_->run("fire_one", make_uuid(now), make_uuid(now), now, Decimal::from_int(1), now,
                 std::optional<Uuid>(), std::string_view(), std::optional<Timestamp>());
    }
    const auto plans = db_->execute(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = 'fire_one'");
    EXPECT_EQ(plans.at(0)[0].as<int>(), 10);
    EXPECT_EQ(plans.at(0)[1].as<int>(), 0);
}

}  // namespace
}  // namespace pricewire::storage::postgres
