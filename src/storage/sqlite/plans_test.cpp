// The queries use the indexes that were made for them, before and after ANALYZE.
#include <gtest/gtest.h>

#include <map>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/temp_dir.hpp"

namespace pricewire::sqlite {
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
        while (explain.executeStep()) out += std::string(text_at(explain, 3)) + "\n";
        return out;
    }
    void expect_plans() {
        static const std::map<const char*, std::vector<const char*>> expected{
            {"user_by_key_hash", {"SEARCH users USING INDEX sqlite_autoindex_users_3 (api_key_hash=?)"}},
            {"user_by_email", {"SEARCH users USING INDEX sqlite_autoindex_users_2 (email=?)"}},
            {"alerts_active_count", {"SEARCH users USING PRIMARY KEY (id=?)"}},
            {"alert_get", {"SEARCH alerts USING PRIMARY KEY (id=?)"}},
            {"alert_list", {"SEARCH alerts USING INDEX alerts_by_user (user_id=? AND id<?)"}},
            {"alert_delete", {"SEARCH alerts USING PRIMARY KEY (id=?)"}},
            {"firing_deliveries", {"SCAN f", "SEARCH a USING PRIMARY KEY (id=?)"}},
            {"firing_alerts", {"SEARCH alerts USING PRIMARY KEY (id=?)"}},
            {"claimable",
             {"SEARCH d USING PRIMARY KEY (id=?)", "SEARCH a USING PRIMARY KEY (id=?)",
              "SEARCH u USING PRIMARY KEY (id=?)"}},
            {"claim", {"SEARCH deliveries USING PRIMARY KEY (id=?)"}},
            {"due", {"INDEX deliveries_due (due_at<?)"}},
            {"next_due", {"INDEX deliveries_due"}},
            {"release", {"INDEX deliveries_claimed (lease_owner=?)"}},
            {"record_delivery", {"SEARCH deliveries USING PRIMARY KEY (id=?)"}},
            {"deliveries_of", {"INDEX deliveries_by_alert (alert_id=?)"}},
            {"attempts_of", {"SEARCH attempts USING PRIMARY KEY (delivery_id=?)"}},
            {"bar_get", {"SEARCH bars USING PRIMARY KEY (ticker=? AND start=?)"}},
            {"bars", {"SEARCH bars USING PRIMARY KEY (ticker=? AND start>? AND start<?)"}},
            {"bars_prune", {"SEARCH bars USING", "INDEX bars_by_start (start<?)"}},
        };
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
        INSERT INTO deliveries (id, alert_id, state, attempts, due_at, lease_owner, created_at)
            SELECT randomblob(16), id, iif(created_at % 100, 'delivered', 'delivering'), 1,
                   iif(created_at % 100, NULL, created_at), iif(created_at % 100, NULL, 'sender'), created_at
            FROM alerts;
        INSERT INTO attempts SELECT id, 1, 1, 1, 200, '' FROM deliveries;
        INSERT INTO bars SELECT 'BTC', v, '1', '1', '1', '1' FROM n;
        ANALYZE)");
    expect_plans();
}

}  // namespace
}  // namespace pricewire::sqlite
