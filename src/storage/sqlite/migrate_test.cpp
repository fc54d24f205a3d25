#include "storage/sqlite/migrate.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "storage/sqlite/temp_dir.hpp"

namespace pricewire::storage {
namespace {

using namespace std::chrono_literals;

class MigrateTest : public ::testing::Test {
protected:
    int latest() const { return static_cast<int>(sqlite_migration_states(file_).value().size()); }
    int applied() const {
        int count = 0;
        const auto states = sqlite_migration_states(file_).value();
        for (const MigrationState& s : states) count += s.applied_at ? 1 : 0;
        return count;
    }
    void execute(const char* sql) {
        sqlite::Connection db(file_, sqlite::Connection::Mode::write, 5s);
        db.execute(sql);
    }

    TempDir dir_;
    const std::filesystem::path file_ = dir_ / "pricewire.db";
};

TEST_F(MigrateTest, AMissingDatabaseHasNoMigrationsAndIsNotCreated) {
    const auto states = sqlite_migration_states(file_).value();
    ASSERT_FALSE(states.empty());
    EXPECT_EQ(states[0].version, 1);
    EXPECT_EQ(states[0].name, "initial");
    EXPECT_FALSE(states[0].applied_at);
    EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(MigrateTest, AppliesAllOnceAndRecordsTheTime) {
    const auto before = system_clock().now();
    EXPECT_EQ(sqlite_migrate(file_), latest());
    EXPECT_EQ(sqlite_migrate(file_), 0);
    int version = 0;
    const auto states = sqlite_migration_states(file_).value();
    for (const MigrationState& state : states) {
        EXPECT_EQ(state.version, ++version);
        ASSERT_TRUE(state.applied_at);
        EXPECT_GE(*state.applied_at, before);
    }
}

TEST_F(MigrateTest, StopsAtAVersionAndContinues) {
    EXPECT_EQ(sqlite_migrate(file_, 0), 0);
    EXPECT_EQ(applied(), 0);
    EXPECT_EQ(sqlite_migrate(file_, 1), 1);
    EXPECT_EQ(applied(), 1);
    EXPECT_EQ(sqlite_migrate(file_), latest() - 1);
    EXPECT_EQ(applied(), latest());
}

TEST_F(MigrateTest, GoesForwardOnly) {
    ASSERT_TRUE(sqlite_migrate(file_));
    const auto back = sqlite_migrate(file_, 0);
    ASSERT_FALSE(back);
    EXPECT_NE(back.error().message.find("migrations only go forward"), std::string::npos)
        << back.error().message;
    EXPECT_FALSE(sqlite_migrate(file_, -1));
    const auto unknown = sqlite_migrate(file_, latest() + 1);
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().message.find("there is no migration"), std::string::npos);
    EXPECT_EQ(applied(), latest());
}

TEST_F(MigrateTest, RejectsADatabaseNewerThanTheBinaryAndListsUnknownMigrations) {
    ASSERT_TRUE(sqlite_migrate(file_));
    const int known = latest();
    execute("INSERT INTO schema_migrations VALUES (99, 'from_the_future', 1700000000000000)");
    const auto refused = sqlite_migrate(file_);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("it needs a newer Pricewire"), std::string::npos);
    try {
        create_sqlite_storage({.file = file_}, {});
        ADD_FAILURE() << "was opened";
    } catch (const StorageError& e) {
        EXPECT_NE(std::string(e.what()).find("it needs a newer Pricewire"), std::string::npos);
    }
    const auto states = sqlite_migration_states(file_).value();
    ASSERT_EQ(static_cast<int>(states.size()), known + 1);
    EXPECT_EQ(states.back().version, 99);
    EXPECT_EQ(states.back().name, "from_the_future (unknown to this binary)");
    EXPECT_TRUE(states.back().applied_at);
    EXPECT_TRUE(states[0].applied_at);
}

TEST_F(MigrateTest, ConcurrentThreadsApplyEachOnce) {
    std::atomic<int> done = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t) {
        threads.emplace_back([&] {
            const auto result = sqlite_migrate(file_);
            EXPECT_TRUE(result) << result.error().message;
            done += result.value_or(0);
        });
    }
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(done, latest());
}

TEST_F(MigrateTest, ConcurrentProcessesApplyEachOnce) {
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const auto result = sqlite_migrate(file_);
            _exit(result ? *result : 100);
        }
        children.push_back(child);
    }
    int done = 0;
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status));
        done += WEXITSTATUS(status);
    }
    EXPECT_EQ(done, latest());
}

TEST_F(MigrateTest, ActiveAlertsAreCountedForExistingUsers) {
    ASSERT_TRUE(sqlite_migrate(file_, 1));
    execute(R"(
        INSERT INTO users (id, email, api_key_hash, webhook_secret, created_at)
        VALUES (x'01000000000000000000000000000000', 'a@example.com', randomblob(32), 's', 1),
               (x'02000000000000000000000000000000', 'b@example.com', randomblob(32), 's', 1);
        INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at)
        SELECT randomblob(16), x'01000000000000000000000000000000', 'BTC', 'gt', value, 'https://example.com',
               value % 2, 1
        FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 9)
              SELECT value FROM n))");
    ASSERT_EQ(sqlite_migrate(file_), latest() - 1);
    sqlite::Connection db(file_, sqlite::Connection::Mode::read, 5s);
    EXPECT_EQ(db.database()
                  .execAndGet("SELECT group_concat(active_alerts) FROM (SELECT * FROM users ORDER BY id)")
                  .getString(),
              "5,0");
}

TEST_F(MigrateTest, HourBarsAreComputedFromExistingMinutes) {
    ASSERT_TRUE(sqlite_migrate(file_, 4));
    // As text, 9 is greater than 100; as a number it is less.
    execute(R"(
        INSERT INTO bars (ticker, start, open, high, low, close)
        VALUES ('BTC', 1700002800000000, '99.5', '100', '9', '98'),
               ('BTC', 1700002860000000, '98', '99.25', '10.000000000000000001', '11'),
               ('BTC', 1700006340000000, '11', '11.5', '9.1', '10'),
               ('BTC', 1700006400000000, '1', '2', '1', '2'),
               ('ETH', 1700002860000000, '0.5', '0.75', '0.000000000000000001', '0.7'))");
    const auto storage = create_sqlite_storage({.file = file_}, {});
    const auto shown = [&](const char* ticker) {
        std::string out;
        for (const Bar& b : storage->bars(Ticker(ticker), 1h, Timestamp::min(), Timestamp::max(), 10)) {
            out += fmt::format("{} {} {} {} {};", to_micros(b.start) / 1'000'000, b.open.to_string(),
                               b.high.to_string(), b.low.to_string(), b.close.to_string());
        }
        return out;
    };
    EXPECT_EQ(shown("BTC"), "1700002800 99.5 100 9 10;1700006400 1 2 1 2;");
    EXPECT_EQ(shown("ETH"), "1700002800 0.5 0.75 0.000000000000000001 0.7;");
}

// A database of version 2 with every kind of row.
class FromVersion2Test : public MigrateTest {
protected:
    FromVersion2Test() {
        EXPECT_TRUE(sqlite_migrate(file_, 2));
        // Alerts 1 to 9; 3 to 9 have fired; 2, 8 and 9 are deleted. Delivery n belongs to alert n.
        execute(R"(
            INSERT INTO users (id, email, api_key_hash, webhook_secret, created_at)
            VALUES (x'01000000000000000000000000000000', 'ann@example.com', zeroblob(32), 'whsec_ann', 1);
            CREATE TEMP TABLE n (v INTEGER PRIMARY KEY);
            INSERT INTO n VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9);
            INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, created_at,
                                triggered_at, triggered_price, deleted_at)
            SELECT CAST(printf('alert%011d', v) AS BLOB), x'01000000000000000000000000000000', 'BTC', 'gt', v,
                   'https://example.com/' || v, v = 1, 1700000000000000, iif(v > 2, 1700000001000000 + v, NULL),
                   iif(v > 2, '100.5', NULL), iif(v IN (2, 8, 9), 1700000003000000, NULL) FROM n;
            INSERT INTO deliveries (id, alert_id, state, attempts, due_at, lease_owner, created_at, finished_at)
            SELECT CAST(x'018bcfe56be8' || printf('%010d', v) AS BLOB), CAST(printf('alert%011d', v) AS BLOB),
                   CASE v WHEN 3 THEN 'pending' WHEN 4 THEN 'delivering' WHEN 5 THEN 'failed' WHEN 8 THEN 'pending'
                   ELSE 'delivered' END,
                   CASE v WHEN 3 THEN 0 WHEN 8 THEN 2 ELSE 1 END,
                   CASE WHEN v IN (3, 4, 8) THEN 1700000002000000 END, CASE v WHEN 4 THEN 'sender-1' END,
                   1700000001000000 + v, CASE WHEN v NOT IN (3, 4, 8) THEN 1700000002000000 END
            FROM n WHERE v > 2;
            INSERT INTO attempts (delivery_id, number, started_at, duration_us, status, error)
            SELECT CAST(x'018bcfe56be8' || printf('%010d', v) AS BLOB), 1, 1700000001500000, 250, iif(v = 5, NULL, 200),
                   iif(v = 5, 'no answer', '') FROM n WHERE v > 4)");
    }
    static Uuid id(const std::string& prefix, std::size_t digits, int n) {
        const std::string text = prefix + fmt::format("{:0{}}", n, digits);
        Uuid out;
        std::copy_n(text.begin(), 16, out.bytes.begin());
        return out;
    }
    static Uuid alert(int n) { return id("alert", 11, n); }
    // Version 7, with the time of the firing.
    static Uuid delivery(int n) { return id("\x01\x8b\xcf\xe5\x6b\xe8", 10, n); }
    static constexpr Timestamp time{std::chrono::seconds{1'700'000'000}};
    const Uuid user_ = Uuid::parse("01000000-0000-0000-0000-000000000000").value();
};

TEST_F(FromVersion2Test, EveryDeliveryKeepsItsValuesAndGetsItsUserAndADeadline) {
    const auto storage = create_sqlite_storage({.file = file_}, {});
    const auto all = storage->deliveries(user_, {});
    ASSERT_EQ(all.size(), 7U);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const int n = 9 - static_cast<int>(i);
        EXPECT_EQ(all[i].id, delivery(n));
        EXPECT_EQ(all[i].alert_id, alert(n));
        EXPECT_EQ(all[i].kind, DeliveryKind::alert);
        EXPECT_EQ(all[i].created_at, time + 1s + n * 1us);
        EXPECT_EQ(all[i].deadline, all[i].created_at + 24h);
        EXPECT_EQ(all[i].reason, "");
        // It is found by its alert too.
        const auto of_alert = storage->deliveries(user_, {.alert_id = alert(n)});
        ASSERT_EQ(of_alert.size(), 1U) << n;
        EXPECT_EQ(of_alert[0].id, delivery(n));
    }
    EXPECT_EQ(all[6].state, DeliveryState::pending);
    EXPECT_EQ(all[6].next_attempt_at, time + 2s);
    EXPECT_EQ(all[5].state, DeliveryState::delivering);
    EXPECT_EQ(all[4].state, DeliveryState::failed);
    EXPECT_EQ(all[4].finished_at, time + 2s);
    EXPECT_EQ(all[4].attempts, 1);
    EXPECT_FALSE(all[4].last_status);
    EXPECT_EQ(all[3].last_status, 200);
    const auto attempts = storage->attempts_of(delivery(5));
    ASSERT_EQ(attempts.size(), 1U);
    EXPECT_EQ(attempts[0].error, "no answer");
    EXPECT_EQ(attempts[0].answer, "");
    EXPECT_EQ(attempts[0].times, AttemptTimes{});
}

TEST_F(FromVersion2Test, PendingDeliveriesAreSentWithTheOldSecret) {
    const auto storage = create_sqlite_storage({.file = file_}, {});
    EXPECT_EQ(storage->release_claims("sender-1"), 1U);
    const auto claimed = storage->claim_due(time + 2s, 10, {"sender-1", time + 1h});
    ASSERT_EQ(claimed.size(), 3U);
    for (const ClaimedDelivery& c : claimed) {
        EXPECT_EQ(c.secrets, (WebhookSecrets{.current = "whsec_ann"}));
        EXPECT_EQ(c.alert.format, PayloadFormat::json);
        EXPECT_EQ(c.alert.deliver_within, 24h);
        EXPECT_EQ(c.alert.triggered_price.value().to_string(), "100.5");
        EXPECT_EQ(c.round, c.attempt);
        EXPECT_EQ(c.attempt, c.id == delivery(8) ? 3 : c.id == delivery(4) ? 2 : 1);
    }
}

TEST_F(FromVersion2Test, FiringsOfTheVersionBeforeHaveTheirAlertsPrice) {
    const auto storage = create_sqlite_storage({.file = file_}, {});
    const auto firings = storage->firings(user_, alert(5), 10);
    ASSERT_EQ(firings.size(), 1U);
    EXPECT_EQ(firings[0].delivery_id, delivery(5));
    EXPECT_EQ(firings[0].price.value().to_string(), "100.5");
    EXPECT_FALSE(firings[0].price_time);
    EXPECT_EQ(firings[0].said.number, 1);
    // One that begins again takes it along: its price is the alert's no longer.
    const auto on = [](Alert& a) { return a.is_active = true; };
    ASSERT_TRUE(storage->change_alert(user_, alert(3), on, {.now = time + 1h, .limit = 10}));
    RuledFiring second{.alert_id = alert(3), .delivery_id = make_uuid(time + 2h)};
    second.number = 2;
    second.time = time + 2h;
    second.value = Decimal::from_int(107);
    FiringGroup group{{"BTC", second.value, second.time, 1}, second.time, {}};
    group.ruled.push_back(second);
    ASSERT_EQ(storage->fire(std::vector{group}).size(), 1U);
    const auto claimed =
        storage->claim(std::vector{DeliveryTask{delivery(3), 1}}, time + 2h, {"sender-1", time + 3h});
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].alert.triggered_price.value().to_string(), "100.5");
    EXPECT_EQ(claimed[0].alert.triggered_at, time + 1s + 3us);
}

TEST_F(FromVersion2Test, AlertsAreUnchangedAndPruningRemovesDeletedOnesWithoutDeliveries) {
    const auto storage = create_sqlite_storage({.file = file_}, {});
    EXPECT_EQ(storage->alerts(user_, {}).size(), 6U);
    EXPECT_TRUE(storage->alert(user_, alert(1)).value().is_active);
    EXPECT_EQ(storage->alert(user_, alert(1)).value().note, "");
    EXPECT_FALSE(storage->alert(user_, alert(1)).value().trace);
    EXPECT_EQ(storage->prune(time, 100), 1U);  // alert 2
    // Four that have ended, what is known of their four URLs, and alert 9; alert 8's delivery still waits.
    EXPECT_EQ(storage->prune(time + 1h, 100), 9U);
    EXPECT_EQ(storage->prune(time + 1h, 100), 0U);
    EXPECT_EQ(storage->deliveries(user_, {}).size(), 3U);
    sqlite::Connection db(file_, sqlite::Connection::Mode::read, 5s);
    EXPECT_EQ(db.database().execAndGet("SELECT count(*) FROM alerts").getInt(), 7);
    EXPECT_EQ(db.database()
                  .execAndGet("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'")
                  .getInt(),
              0);
}

TEST_F(FromVersion2Test, LaterKindsNeedNoRebuiltTable) {
    ASSERT_TRUE(sqlite_migrate(file_, 6));
    for (const char* later : {"UPDATE deliveries SET state = 'held'", "UPDATE deliveries SET kind = 'digest'",
                              "UPDATE alerts SET format = 'fax'", "UPDATE alerts SET condition = 'rises_by'"})
        EXPECT_THROW(execute(later), SQLite::Exception) << later;
    execute("INSERT INTO breakers VALUES ('https://example.com:443', 'open', 3, 5, 'no answer', 4)");
    ASSERT_TRUE(sqlite_migrate(file_));
    {
        const auto storage = create_sqlite_storage({.file = file_}, {});
        EXPECT_EQ(storage->deliveries(user_, {}).size(), 7U);
        EXPECT_EQ(storage->alerts(user_, {}).size(), 6U);
    }
    EXPECT_THROW(execute("UPDATE alerts SET is_active = 2"), SQLite::Exception) << "only words are unchecked";
    for (const char* later :
         {"UPDATE deliveries SET state = 'held'", "UPDATE deliveries SET kind = 'digest'",
          "UPDATE alerts SET format = 'fax', condition = 'rises_by'", "UPDATE breakers SET state = 'broken'"})
        EXPECT_NO_THROW(execute(later)) << later;
    sqlite::Connection db(file_, sqlite::Connection::Mode::read, 5s);
    EXPECT_EQ(db.database().execAndGet("PRAGMA integrity_check").getString(), "ok");
    EXPECT_EQ(db.database().execAndGet("PRAGMA writable_schema").getInt(), 0);
    // The program checks instead.
    const auto storage = create_sqlite_storage({.file = file_}, {});
    EXPECT_THROW(storage->alert(user_, alert(1)), UnknownValue);
    EXPECT_THROW(storage->delivery(user_, delivery(3)), UnknownValue);
    // The breakers of endpoints, which the version before still uses.
    EXPECT_EQ(db.database().execAndGet("SELECT reason FROM breakers").getString(), "no answer");
    EXPECT_TRUE(storage->breakers().empty());
}

}  // namespace
}  // namespace pricewire::storage
