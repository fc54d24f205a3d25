// The queries use the indexes created for them, before and after ANALYZE.
#include <gtest/gtest.h>

#include <map>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/temp_dir.hpp"

namespace pricewire::storage::sqlite {
namespace {

using namespace std::chrono_literals;

class PlansTest : public ::testing::Test {
protected:
    PlansTest() {
        EXPECT_TRUE(sqlite_migrate(dir_ / "p.db"));
        db_.emplace(dir_ / "p.db", Connection::Mode::write, 5s);
    }
    std::string plan(const char* name) {
        SQLite::Statement explain(db_->database(), "EXPLAIN QUERY PLAN " + db_->statement(name).getQuery());
        std::string out;
        while (explain.executeStep()) out += std::string(Row(explain).text(3)) + "\n";
        return out;
    }
    void expect_plans() {
        static const std::map<const char*, std::vector<const char*>> expected{
            {"user_by_key_hash", {"SEARCH users USING INDEX sqlite_autoindex_users_3 (api_key_hash=?)"}},
            {"user_by_email", {"SEARCH users USING INDEX sqlite_autoindex_users_2 (email=?)"}},
            {"user_set_key", {"SEARCH users USING PRIMARY KEY (id=?)"}},
            {"user_delete", {"SEARCH users USING PRIMARY KEY (id=?)"}},
            {"user_active_alerts", {"SEARCH alerts USING INDEX alerts_active (user_id=?)"}},
            {"user_hide_alerts",
             {"SEARCH alerts USING INDEX alerts_by_user (user_id=?)", "SEARCH d USING PRIMARY KEY (id=?)"}},
            {"user_cancel_deliveries", {"SEARCH deliveries USING INDEX deliveries_by_user (user_id=?)"}},
            {"secrets_get", {"SEARCH users USING PRIMARY KEY (id=?)"}},
            {"secrets_rotate", {"SEARCH users USING PRIMARY KEY (id=?)"}},
            {"secrets_after", {"SEARCH users USING PRIMARY KEY (id>?)"}},
            {"secrets_replace", {"SEARCH users USING PRIMARY KEY (id=?)"}},
            {"user_count", {"SEARCH users USING PRIMARY KEY (id=?)"}},
            {"alerts_active_count", {"SEARCH users USING PRIMARY KEY (id=?)"}},
            {"alert_get",
             {"SEARCH a USING PRIMARY KEY (id=?)",
              "SEARCH e USING PRIMARY KEY (user_id=? AND webhook_url=?)"}},
            {"alert_list",
             {"SEARCH a USING INDEX alerts_by_user (user_id=? AND id<?)",
              "SEARCH e USING PRIMARY KEY (user_id=? AND webhook_url=?)"}},
            {"alert_list_of_status",
             {"SEARCH a USING INDEX alerts_by_user (user_id=? AND id<?)",
              "SEARCH s USING PRIMARY KEY (alert_id=?)"}},
            {"alert_active",
             {"SEARCH a USING PRIMARY KEY (id=?)", "SEARCH s USING PRIMARY KEY (alert_id=?)"}},
            {"alert_part", {"SEARCH alerts USING PRIMARY KEY (id=?)"}},
            {"alert_edit", {"SEARCH alerts USING PRIMARY KEY (id=?)"}},
            {"alert_identical",
             {"SEARCH alerts USING INDEX alerts_active (user_id=? AND ticker=? AND <expr>=? AND <expr>=? AND "
              "webhook_url=? AND rule_key=?)"}},
            {"alerts_lock_of", {"SEARCH alerts USING INDEX alerts_by_user (user_id=? AND id>?)"}},
            {"alerts_count_of", {"SEARCH alerts USING INDEX alerts_by_user (user_id=?)"}},
            {"state_forget", {"SEARCH alert_states USING PRIMARY KEY (alert_id=?)"}},
            {"user_forget_states", {"INDEX alert_states_others_of_user (user_id=?)"}},
            {"delivery_adopt",
             {"SEARCH deliveries USING PRIMARY KEY (id=?)", "SEARCH a USING PRIMARY KEY (id=?)"}},
            {"tests_adopt", {"SEARCH deliveries USING INDEX deliveries_tests (alert_id=?)"}},
            {"rule_replaced", {"SEARCH d USING", "INDEX deliveries_"}},
            {"ruled_firable",
             {"SEARCH s USING PRIMARY KEY (alert_id=?)", "SEARCH a USING PRIMARY KEY (id=?)",
              "INDEX push_subscriptions_of_user (user_id=?)"}},
            {"ruled_state", {"SEARCH alert_states USING PRIMARY KEY (alert_id=?)"}},
            {"ruled_delivery", {"SEARCH a USING PRIMARY KEY (id=?)"}},
            {"ruled_alert", {"SEARCH alerts USING PRIMARY KEY (id=?)"}},
            {"ruled_note_lock",
             {"SEARCH s USING PRIMARY KEY (alert_id=?)", "SEARCH a USING PRIMARY KEY (id=?)"}},
            {"ruled_note", {"SEARCH alert_states USING PRIMARY KEY (alert_id=?)"}},
            {"ruled_expiry",
             {"SEARCH alert_states USING PRIMARY KEY (alert_id=?)", "SEARCH a USING PRIMARY KEY (id=?)"}},
            {"firings_of_rules",
             {"SEARCH a USING PRIMARY KEY (id=?)", "SEARCH d USING INDEX deliveries_firing (alert_id=?",
              "SEARCH g USING PRIMARY KEY (id=?)"}},
            {"firing_of_plain",
             {"SEARCH a USING PRIMARY KEY (id=?)", "SEARCH d USING PRIMARY KEY (id=?)",
              "SEARCH g USING PRIMARY KEY (id=?)"}},
            {"user_forget_answers", {"SEARCH idempotency_keys USING", "(user_id=?)"}},
            {"answer_keep", {"SEARCH idempotency_keys USING PRIMARY KEY (user_id=? AND key=?)"}},
            {"answer_drop", {"SEARCH idempotency_keys USING PRIMARY KEY (user_id=? AND key=?)"}},
            {"answer_get", {"SEARCH idempotency_keys USING PRIMARY KEY (user_id=? AND key=?)"}},
            {"prune_boards", {"SEARCH prices_fired USING PRIMARY KEY (id<?)"}},
            {"prune_rules",
             {"INDEX alert_rules_by_time (replaced_at<?)", "SEARCH d USING INDEX deliveries_"}},
            {"prune_answers", {"INDEX idempotency_keys_by_time (created_at<?)"}},
            {"answers_size", {"COVERING INDEX idempotency_keys_by_user (user_id=?)"}},
            {"answers_oldest_kept", {"COVERING INDEX idempotency_keys_by_user (user_id=? AND created_at>?)"}},
            {"other_tickers", {"INDEX alert_states_others (others>?)"}},
            {"ratios_of", {"INDEX alert_states_ratios_of_user (user_id=? AND ratios>?)"}},
            {"ratios_not_known_of",
             {"INDEX alert_states_ratios_not_known (user_id=?)", "SEARCH a USING PRIMARY KEY (id=?)"}},
            {"other_tickers_of", {"INDEX alert_states_others_of_user (user_id=? AND others>?)"}},
            {"alerts_recoverable", {"SEARCH alerts USING INDEX alerts_by_ticker (ticker=?)"}},
            {"alerts_recoverable_ruled",
             {"SEARCH a USING INDEX alerts_by_ticker (ticker=?)", "SEARCH s USING PRIMARY KEY (alert_id=?)"}},
            {"blind_claim", {"SEARCH blind_spans USING", "INDEX blind_spans_due"}},
            {"blind_open", {"INDEX blind_spans_open"}},
            {"blind_unresolved", {"INDEX blind_spans_open", "INDEX blind_spans_due"}},
            {"blind_of_ticker", {"SEARCH blind_spans USING PRIMARY KEY (ticker=?)"}},
            {"blind_all", {"INDEX blind_spans_by_start"}},
            {"blind_prune", {"INDEX blind_spans_by_start (started_at<?)"}},
            {"alert_delete", {"SEARCH alerts USING PRIMARY KEY (id=?)", "SEARCH d USING PRIMARY KEY (id=?)"}},
            {"alerts_load_active", {"SCAN a\n", "SEARCH s USING PRIMARY KEY (alert_id=?)"}},
            {"alerts_load_of",
             {"INDEX alerts_by_ticker (ticker=?)", "SEARCH s USING PRIMARY KEY (alert_id=?)"}},
            {"firing_deliveries", {"SCAN f", "SEARCH a USING PRIMARY KEY (id=?)"}},
            {"firing_alerts",
             {"SEARCH alerts USING PRIMARY KEY (id=?)", "SEARCH f USING PRIMARY KEY (alert_id=?)"}},
            {"firing_user",
             {"SEARCH a USING PRIMARY KEY (id=?)", "INDEX push_subscriptions_of_user (user_id=?)"}},
            {"firing_delivery", {"SEARCH a USING PRIMARY KEY (id=?)"}},
            {"claimable",
             {"SEARCH d USING PRIMARY KEY (id=?)", "SEARCH a USING PRIMARY KEY (id=?)",
              "SEARCH u USING PRIMARY KEY (id=?)", "SEARCH e USING PRIMARY KEY (user_id=? AND webhook_url=?)",
              "SEARCH f USING PRIMARY KEY (alert_id=?)", "SEARCH p USING PRIMARY KEY (id=?)"}},
            {"devices",
             {"SEARCH push_subscriptions USING COVERING INDEX push_subscriptions_of_user (user_id=?)"}},
            {"push_delivery", {"SEARCH deliveries USING PRIMARY KEY (id=?)"}},
            {"push_of_endpoint", {"SEARCH push_subscriptions USING INDEX", "(endpoint=?)"}},
            {"push_end", {"SEARCH deliveries USING INDEX deliveries_to_push (push_id=?)"}},
            {"push_seen", {"SEARCH push_subscriptions USING PRIMARY KEY (id=?)"}},
            {"pushes_adopt", {"SEARCH deliveries USING INDEX deliveries_pushed (alert_id=?)"}},
            {"user_forget_pushes",
             {"SEARCH push_subscriptions USING", "INDEX push_subscriptions_of_user (user_id=?)"}},
            {"claim", {"SEARCH deliveries USING PRIMARY KEY (id=?)"}},
            {"due", {"COVERING INDEX deliveries_due (due_at<?)"}},
            {"next_due", {"INDEX deliveries_due"}},
            {"backlog",
             {"SEARCH deliveries USING COVERING INDEX deliveries_due (due_at<?)",
              "SEARCH deliveries USING COVERING INDEX deliveries_due (due_at>?)"}},
            {"release", {"INDEX deliveries_claimed (lease_owner=?)"}},
            {"release_lease", {"SEARCH deliveries USING"}},
            {"sender_forget", {"SEARCH senders USING PRIMARY KEY (owner=?)"}},
            {"defer",
             {"SEARCH deliveries USING PRIMARY KEY (id=?)",
              "SEARCH o USING COVERING INDEX deliveries_deferred (lane=?)"}},
            {"in_lane", {"SEARCH deliveries USING COVERING INDEX deliveries_deferred (lane=?)"}},
            {"lanes", {"SEARCH d USING COVERING INDEX deliveries_deferred (lane>?)"}},
            {"breaker_put", {"SEARCH users USING PRIMARY KEY (id=?)"}},
            {"breaker_remove", {"SEARCH user_breakers USING PRIMARY KEY (user_id=? AND endpoint=?)"}},
            {"breakers_of", {"SEARCH user_breakers USING PRIMARY KEY (user_id=?)"}},
            {"user_forget_breakers", {"SEARCH user_breakers USING PRIMARY KEY (user_id=?)"}},
            {"record_delivery", {"SEARCH deliveries USING PRIMARY KEY (id=?)"}},
            {"record_cancelled", {"SEARCH deliveries USING PRIMARY KEY (id=?)"}},
            {"record_arrived", {"SEARCH deliveries USING PRIMARY KEY (id=?)"}},
            {"disable_endpoint", {"SEARCH d USING PRIMARY KEY (id=?)", "SEARCH a USING PRIMARY KEY (id=?)"}},
            {"delivery_get",
             {"SEARCH d USING PRIMARY KEY (id=?)", "SEARCH a USING PRIMARY KEY (id=?)",
              "SEARCH t USING PRIMARY KEY (delivery_id=? AND number=?)"}},
            {"delivery_list",
             {"SEARCH d USING INDEX deliveries_by_user (user_id=? AND id>? AND id<?)",
              "SEARCH a USING PRIMARY KEY (id=?)",
              "SEARCH t USING PRIMARY KEY (delivery_id=? AND number=?)"}},
            {"delivery_horizon",
             {"SEARCH deliveries USING COVERING INDEX deliveries_by_user (user_id=? AND id>? AND id<?)"}},
            {"delivery_list_missed",
             {"SEARCH d USING INDEX deliveries_missed (user_id=? AND id>? AND id<?)",
              "SEARCH a USING PRIMARY KEY (id=?)"}},
            {"delivery_list_of_alert",
             {"SEARCH d USING PRIMARY KEY (id=?)", "SEARCH f USING PRIMARY KEY (id=?)",
              "SEARCH o USING INDEX deliveries_tests (alert_id=?)",
              "INDEX deliveries_of_rules (alert_id=? AND id>? AND id<?)",
              "INDEX deliveries_pushed (alert_id=? AND id>? AND id<?)"}},
            {"attempts_of", {"SEARCH attempts USING PRIMARY KEY (delivery_id=?)"}},
            {"delivery_lock", {"SEARCH d USING PRIMARY KEY (id=?)", "SEARCH u USING PRIMARY KEY (id=?)"}},
            {"delivery_restart",
             {"SEARCH deliveries USING PRIMARY KEY (id=?)", "SEARCH a USING PRIMARY KEY (id=?)"}},
            {"delivery_cancel", {"SEARCH deliveries USING PRIMARY KEY (id=?)"}},
            {"deliveries_lock_failed",
             {"SEARCH u USING PRIMARY KEY (id=?)",
              "SEARCH d USING INDEX deliveries_missed (user_id=? AND id>? AND id<?)"}},
            {"endpoints_seen",
             {"SEARCH endpoints_seen USING PRIMARY KEY (user_id=? AND webhook_url>? AND webhook_url<?)"}},
            {"endpoint_calls",
             {"SEARCH endpoint_calls USING PRIMARY KEY (user_id=? AND webhook_url>? AND webhook_url<?)"}},
            {"prune_endpoints_seen", {"INDEX endpoints_seen_old (last_at<?)"}},
            {"prune_endpoint_calls", {"INDEX endpoint_calls_old (hour<?)"}},
            {"carried_test_insert", {"SEARCH a USING PRIMARY KEY (id=?)"}},
            {"test_insert", {"SEARCH a USING PRIMARY KEY (id=?)"}},
            {"tests_unfinished", {"SEARCH deliveries USING INDEX deliveries_tests (alert_id=?)"}},
            {"tests_old", {"SEARCH deliveries USING INDEX deliveries_tests (alert_id=?)"}},
            {"drop_attempts", {"SEARCH attempts USING PRIMARY KEY (delivery_id=? AND number<?)"}},
            {"refusals_forget", {"SEARCH endpoint_refusals USING PRIMARY KEY (user_id=? AND webhook_url=?)"}},
            {"refusals_many", {"INDEX endpoint_refusals_many (refusals>?)"}},
            {"prune_refusals", {"INDEX endpoint_refusals_old (last_at<?)"}},
            {"endpoint_disabled",
             {"SEARCH disabled_endpoints USING PRIMARY KEY (user_id=? AND webhook_url=?)"}},
            {"endpoint_enable",
             {"SEARCH disabled_endpoints USING PRIMARY KEY (user_id=? AND webhook_url=?)"}},
            {"prunable_deliveries", {"SEARCH deliveries USING PRIMARY KEY (id<?)"}},
            {"prune_delivery", {"SEARCH deliveries USING PRIMARY KEY (id=?)"}},
            {"prune_attempts", {"SEARCH attempts USING PRIMARY KEY (delivery_id=?)"}},
            {"prune_link", {"SEARCH alerts USING PRIMARY KEY (id=?)"}},
            {"prune_alerts",
             {"SEARCH alerts USING PRIMARY KEY (id=?)", "INDEX alerts_gone_since (deleted_at<?)",
              "SEARCH d USING INDEX deliveries_tests (alert_id=?)"}},
            {"prune_endpoints",
             {"SEARCH disabled_endpoints USING PRIMARY KEY (user_id=? AND webhook_url=?)", "INDEX users_gone",
              "SEARCH e USING PRIMARY KEY (user_id=?)"}},
            {"prune_users",
             {"SEARCH users USING PRIMARY KEY (id=?)", "INDEX users_gone",
              "SEARCH a USING COVERING INDEX alerts_by_user (user_id=?)",
              "SEARCH e USING PRIMARY KEY (user_id=?)"}},
            {"needed_tickers",
             {"SEARCH alerts USING INDEX alerts_by_ticker",
              "SEARCH a USING INDEX alerts_by_ticker (ticker>?)"}},
            {"alert_tickers",
             {"SEARCH alerts USING INDEX alerts_active (user_id=?)",
              "SEARCH a USING INDEX alerts_active (user_id=? AND ticker>?)"}},
            {"alert_list_changed", {"SEARCH a USING INDEX alerts_changed (user_id=? AND changed_at>?)"}},
            {"alert_counts", {"SEARCH alerts USING INDEX alerts_active (user_id=?)"}},
            {"alert_counts_by_others",
             {"SEARCH alert_states USING COVERING INDEX alert_states_others_of_user (user_id=?"}},
            {"alerts_of_ticker", {"SEARCH alerts USING INDEX alerts_by_ticker (ticker=?)"}},
            {"alerts_by_others", {"alert_states_others"}},
            {"watch_state_remove", {"SEARCH watch_states USING PRIMARY KEY (ticker=?)"}},
            {"bar_get", {"SEARCH bars USING PRIMARY KEY (ticker=? AND start=?)"}},
            {"bars", {"SEARCH bars USING PRIMARY KEY (ticker=? AND start>? AND start<?)"}},
            {"hour_bars", {"SEARCH hour_bars USING PRIMARY KEY (ticker=? AND start>? AND start<?)"}},
            {"hour_bar_get", {"SEARCH hour_bars USING PRIMARY KEY (ticker=? AND start=?)"}},
            {"hour_bars_prune", {"SEARCH hour_bars USING", "INDEX hour_bars_by_start (start<?)"}},
            {"day_bars", {"SEARCH day_bars USING PRIMARY KEY (ticker=? AND start>? AND start<?)"}},
            {"day_bars_prune", {"SEARCH day_bars USING", "INDEX day_bars_by_start (start<?)"}},
            {"bars_prune", {"SEARCH bars USING", "INDEX bars_by_start (start<?)"}},
            {"listings", {"SEARCH listings USING PRIMARY KEY (source=?)"}},
            {"listing_gone", {"SEARCH listings USING PRIMARY KEY (source=? AND symbol=?)"}},
            {"listings_forget", {"SEARCH listings USING PRIMARY KEY (source=?)"}},
            {"listing_disagrees", {"SEARCH listings USING PRIMARY KEY (source=? AND symbol=?)"}},
            {"fill_finish", {"SEARCH fills USING PRIMARY KEY (ticker=?)"}},
            {"fill_get", {"SEARCH fills USING PRIMARY KEY (ticker=?)"}},
            {"release_claim", {"SEARCH deliveries USING"}},
        };
        // Lists one user's alerts, sorted by something other than their id.
        const std::string endpoints = plan("endpoints");
        for (const char* part : {"SEARCH e USING PRIMARY KEY (user_id=? AND webhook_url>?)",
                                 "SEARCH a USING INDEX alerts_by_user (user_id=?)",
                                 "SEARCH e USING PRIMARY KEY (user_id=? AND webhook_url=?)"})
            EXPECT_NE(endpoints.find(part), std::string::npos) << endpoints;
        const std::string endpoint = plan("endpoint_get");
        for (const char* part : {"SEARCH e USING PRIMARY KEY (user_id=? AND webhook_url=?)",
                                 "SEARCH a USING INDEX alerts_by_user (user_id=?)"})
            EXPECT_NE(endpoint.find(part), std::string::npos) << endpoint;
        for (const auto& [name, parts] : expected) {
            const std::string found = plan(name);
            for (const char* part : parts)
                EXPECT_NE(found.find(part), std::string::npos) << name << " should " << part << ", not\n"
                                                               << found;
            EXPECT_EQ(found.find("TEMP B-TREE"), std::string::npos) << name << "\n" << found;
        }
    }

    TempDir dir_;
    std::optional<Connection> db_;
};

TEST_F(PlansTest, WithoutStatistics) {
    expect_plans();
}

TEST_F(PlansTest, WithStatisticsOfAnEmptyDatabase) {
    db_->execute("ANALYZE");
    expect_plans();
}

TEST_F(PlansTest, WithStatisticsWhereOneUserHasNearlyAll) {
    db_->execute(R"(
        CREATE TEMP TABLE n (v INTEGER PRIMARY KEY);
        INSERT INTO n WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < 5000)
            SELECT x FROM r;
        INSERT INTO users (id, email, api_key_hash, webhook_secret, created_at)
            SELECT randomblob(16), v || '@example.com', randomblob(32), 's', v FROM n WHERE v <= 20;
        INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at)
            SELECT randomblob(16), (SELECT id FROM users u WHERE u.created_at = iif(v % 500, 1, 2)),
                   'BTC', 'gt', v, 'https://example.com', v % 50 = 0, v FROM n;
        INSERT INTO deliveries (id, alert_id, user_id, state, attempts, due_at, lease_owner, lane, lane_turn,
                                created_at, deadline, finished_at)
            SELECT randomblob(16), id, user_id,
                   iif(created_at % 100, iif(created_at % 7, 'delivered', 'failed'), 'delivering'), 1,
                   iif(created_at % 100, NULL, created_at), iif(created_at % 100, NULL, 'sender'),
                   iif(created_at % 100, NULL, 'https://example.com:443'), created_at, created_at, created_at,
                   iif(created_at % 100, created_at, NULL)
            FROM alerts;
        UPDATE alerts SET delivery_id = (SELECT id FROM deliveries WHERE created_at = alerts.created_at)
            WHERE created_at < 3;
        INSERT INTO attempts (delivery_id, number, started_at, duration_us, status, error)
            SELECT id, 1, 1, 1, 200, '' FROM deliveries;
        INSERT INTO disabled_endpoints SELECT user_id, 'https://example.com/' || created_at, 1, '410' FROM alerts;
        INSERT INTO bars SELECT 'BTC', v, '1', '1', '1', '1', NULL, 0 FROM n;
        ANALYZE)");
    expect_plans();
}

}  // namespace
}  // namespace pricewire::storage::sqlite
