// What PostgreSQL adds to the guarantees of every Storage: many processes on one database, lost connections,
// stuck statements.
#include "storage/postgres/postgres_storage.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <pqxx/pqxx>
#include <stdexcept>
#include <thread>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "rule/canonical.hpp"
#include "support/eventually.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::storage {
namespace {

using namespace std::chrono_literals;

// What one process receives.
class Ear {
public:
    StorageEvents events() {
        return {.alert_changed =
                    [this](const AlertChange& c) {
                        MutexLock lock(mutex_);
                        changed_.push_back(c.alert.id);
                        heard_.notify_all();
                    },
                .user_changed =
                    [this](std::optional<Uuid> u) {
                        MutexLock lock(mutex_);
                        users_.push_back(u);
                        heard_.notify_all();
                    },
                .alerts_missed =
                    [this] {
                        MutexLock lock(mutex_);
                        ++missed_;
                        heard_.notify_all();
                    }};
    }
    bool wait_for_change(const Uuid& id) {
        MutexLock lock(mutex_);
        return heard_.wait_for(lock, 30s, [&]() REQUIRES(mutex_) {
            return std::count(changed_.begin(), changed_.end(), id) > 0;
        });
    }
    bool wait_until_missed(std::ptrdiff_t times) {
        MutexLock lock(mutex_);
        return heard_.wait_for(lock, 30s, [&]() REQUIRES(mutex_) {
            return missed_ == times && std::count(users_.begin(), users_.end(), std::nullopt) == times;
        });
    }

private:
    Mutex mutex_;
    CondVar heard_;
    std::vector<Uuid> changed_ GUARDED_BY(mutex_);
    std::vector<std::optional<Uuid>> users_ GUARDED_BY(mutex_);
    std::ptrdiff_t missed_ GUARDED_BY(mutex_) = 0;  // how often
};

class PostgresStorageTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::postgres_url()) GTEST_SKIP() << test::postgres_missing;
        database_.emplace();
    }
    std::unique_ptr<Storage> open(StorageEvents events = {}, Duration statement_timeout = 5s) {
        return create_postgres_storage(
            {.url = database_->url(), .pool = 4, .statement_timeout = statement_timeout, .pool_wait = 1s},
            std::move(events));
    }
    Uuid add_user(Storage& storage) {
        const Uuid id = make_uuid(now_);
        EXPECT_TRUE(storage.create_user(
            {{id, id.to_string() + "@example.com", true, now_}, sha256(id.to_string()), "sealed"}));
        return id;
    }
    Alert new_alert(const Uuid& user, int target) {
        Alert alert;
        alert.id = make_uuid(now_);
        alert.user_id = user;
        alert.ticker = "BTC";
        alert.target = Decimal::from_int(target);
        alert.webhook_url = "https://example.com/hook";
        alert.created_at = now_;
        return alert;
    }
    // This many alerts of a few users.
    std::vector<Uuid> add_alerts(Storage& storage, int count) {
        std::vector<Uuid> users;
        for (int i = 0; i < 5; ++i) users.push_back(add_user(storage));
        std::vector<Uuid> ids;
        for (int i = 1; i <= count; ++i) {
            const Alert alert = new_alert(users[static_cast<std::size_t>(i % 5)], i);
            EXPECT_TRUE(storage.create_alert(alert, 1'000'000));
            ids.push_back(alert.id);
        }
        return ids;
    }
    std::vector<FiringGroup> firings(const std::vector<Uuid>& alerts) {
        FiringGroup group{{"BTC", Decimal::from_int(1'000'000), now_, 1}, now_, {}};
        for (const Uuid& id : alerts) group.firings.push_back({id, make_uuid(now_)});
        return {group};
    }

    // Asks until this is the answer; false if it is not within a long time.
    bool until(const std::string& sql, const std::string& answer) {
        return test::eventually([&] { return database_->ask(sql) == answer; });
    }

    const std::string one_waits_ =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = "
        "'Lock'";
    const Timestamp now_{std::chrono::seconds{1'700'000'000}};
    std::optional<test::TestDatabase> database_;
};

TEST_F(PostgresStorageTest, AlertsFiredByTwoProcessesFireAndCountOnce) {
    const auto a = open();
    const auto b = open();
    const auto ids = add_alerts(*a, 300);
    std::atomic<std::size_t> fired = 0;
    std::barrier gate(4);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (std::size_t from = 0; from < ids.size(); from += 60) {
                auto part = std::vector(ids.begin() + static_cast<std::ptrdiff_t>(from),
                                        ids.begin() + static_cast<std::ptrdiff_t>(from + 60));
                if (t % 2 == 1) std::reverse(part.begin(), part.end());
                gate.arrive_and_wait();
                fired += (t < 2 ? *a : *b).fire(firings(part)).size();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(fired, 300U);
    EXPECT_EQ(database_->ask("SELECT count(*) || ' ' || count(DISTINCT alert_id) FROM deliveries"),
              "300 300");
    EXPECT_EQ(database_->ask("SELECT sum(abs(active_alerts)) FROM users"), "0");
    EXPECT_EQ(database_->ask("SELECT count(*) FROM alerts a JOIN deliveries d ON d.id = a.delivery_id"),
              "300");
}

// One statement writes them with the counts of their users and the boards.
TEST_F(PostgresStorageTest, AFewFiringsCountForEachUserAndStoreTheBoardsOfWhatHasFired) {
    const auto storage = open();
    const auto ids = add_alerts(*storage, 20);
    std::vector<FiringGroup> groups;
    for (const auto& [from, board] : {std::pair(0, "[1]"), std::pair(10, "[2]")}) {
        groups.push_back(firings({ids.begin() + from, ids.begin() + from + 10}).front());
        groups.back().board = board;
    }
    const auto counts = "SELECT string_agg(active_alerts::text, ' ') FROM users";
    EXPECT_EQ(storage->fire(std::span(groups).first(1)).size(), 10U);
    EXPECT_EQ(database_->ask(counts), "2 2 2 2 2");
    EXPECT_EQ(storage->fire(groups).size(), 10U) << "the first ten have fired";
    EXPECT_EQ(database_->ask(counts), "0 0 0 0 0");
    EXPECT_EQ(database_->ask("SELECT string_agg(board, ' ' ORDER BY board) FROM prices_fired"), "[1] [2]");
    EXPECT_EQ(database_->ask("SELECT string_agg(n::text, ' ') FROM (SELECT count(*) AS n FROM deliveries d "
                             "JOIN prices_fired p ON p.id = d.price_fired GROUP BY p.id) g"),
              "10 10");
}

TEST_F(PostgresStorageTest, AFiringWaitsForAnotherThatMayStillRollBack) {
    const auto storage = open();
    pqxx::connection other(database_->url());
    // One is fired by a statement of its own.
    for (const std::size_t count : {1U, 2U}) {
        const auto ids = add_alerts(*storage, static_cast<int>(count));
        auto transaction = std::make_unique<pqxx::work>(other);
        transaction->exec("UPDATE alerts SET is_active = false");
        std::atomic<std::size_t> fired = 0;
        std::thread fires([&] { fired = storage->fire(firings(ids)).size(); });
        EXPECT_TRUE(until(one_waits_, "1"));
        transaction.reset();  // undone
        fires.join();
        EXPECT_EQ(fired, count);
    }
}

TEST_F(PostgresStorageTest, AFiringOfAnAlertWithTermsIsJudgedByTheRowForWhichItHasWaited) {
    const auto storage = open();
    Alert alert = new_alert(add_user(*storage), 1);
    Terms terms = rule::plain_terms("BTC", Condition::gt, Decimal::from_int(1));
    terms.repeat = Repeat{};
    alert.terms = std::make_shared<const Terms>(std::move(terms));
    ASSERT_TRUE(storage->create_alert(alert, 10));
    RuledFiring second{.alert_id = alert.id, .delivery_id = make_uuid(alert.created_at), .number = 2};
    second.time = alert.created_at + 1s;
    FiringGroup group{{"BTC", Decimal::from_int(2), second.time, 1}, second.time, {}};
    group.ruled.push_back(second);
    EXPECT_TRUE(storage->fire({&group, 1}).empty()) << "there is no first firing";

    pqxx::connection other(database_->url());
    pqxx::work transaction(other);
    transaction.exec("SELECT FROM alerts FOR UPDATE");
    transaction.exec("UPDATE alert_states SET firings = 1");
    std::atomic<std::size_t> fired = 0;
    std::thread fires([&] { fired = storage->fire({&group, 1}).size(); });
    EXPECT_TRUE(until(one_waits_, "1"));
    transaction.commit();
    fires.join();
    EXPECT_EQ(fired, 1U);
    EXPECT_EQ(database_->ask("SELECT firings FROM alert_states"), "2");
}

TEST_F(PostgresStorageTest, AFiringClaimsForASenderThatCountsAsAliveUntilItsCommit) {
    const auto storage = open();
    const auto ids = add_alerts(*storage, 4);
    const auto fire = [&](std::size_t from, std::size_t count) {
        ClaimOnFiring on_firing{{"sender", now_ + 30s}};
        const auto some = firings({ids.begin() + static_cast<std::ptrdiff_t>(from),
                                   ids.begin() + static_cast<std::ptrdiff_t>(from + count)});
        EXPECT_EQ(storage->fire(some, &on_firing).size(), count);
        return on_firing.claimed.size();
    };
    const auto delivering =
        "SELECT count(*) FROM deliveries WHERE state = 'delivering' AND lease_owner = 'sender'";
    EXPECT_EQ(fire(0, 1), 0U) << "it has not said that it is alive";
    storage->keep_alive("sender", now_ + 3s);
    EXPECT_EQ(fire(1, 2), 0U) << "only one is claimed as it is written";
    EXPECT_EQ(database_->ask(delivering), "0");

    // While the firing waits for its user's row, others find that the sender has died.
    pqxx::connection other(database_->url());
    auto transaction = std::make_unique<pqxx::work>(other);
    transaction->exec("SELECT FROM users FOR UPDATE");
    std::thread fires([&] { fire(3, 1); });
    EXPECT_TRUE(until(one_waits_, "1"));
    storage->release_dead(now_ + 1min);
    transaction.reset();
    fires.join();
    storage->release_dead(now_ + 1min);
    EXPECT_EQ(database_->ask(delivering), "0") << "nobody would give it back before its lease ends";
    EXPECT_EQ(database_->ask("SELECT count(*) FROM deliveries"), "4");
}

TEST_F(PostgresStorageTest, WhatFiresOrExpiresByAClockThatIsAheadIsDueAtOnce) {
    const auto storage = open();
    const auto ids = add_alerts(*storage, 5);
    const auto fire = [&](FiringGroup group, std::size_t count) {
        group.fired_at = system_clock().now() + 1min;
        EXPECT_EQ(storage->fire({&group, 1}).size(), count);
    };
    fire(firings({ids[0]}).front(), 1);
    fire(firings({ids.begin() + 1, ids.end()}).front(), 4);
    FiringGroup fires = firings({}).front(), expires = fires;
    for (const bool is_ruled : {true, false}) {
        Alert alert = new_alert(add_user(*storage), 1);
        alert.terms =
            std::make_shared<const Terms>(rule::plain_terms("BTC", Condition::gt, Decimal::from_int(1)));
        const Timestamp at = system_clock().now() + 1min;
        const Uuid delivery = make_uuid(at);
        if (is_ruled) {
            fires.ruled.push_back({.alert_id = alert.id, .delivery_id = delivery, .time = at});
        } else {
            alert.state.expires_at = at;
            alert.notify_on_expiry = true;
            expires.expiries.push_back(
                {.alert_id = alert.id, .expires_at = at, .at = at, .delivery_id = delivery});
        }
        ASSERT_TRUE(storage->create_alert(alert, 10));
    }
    fire(fires, 1);
    fire(expires, 1);
    const Timestamp now = system_clock().now();
    EXPECT_EQ(storage->claim_due(now, 10, {"sender", now + 30s}).size(), ids.size() + 2);
    EXPECT_EQ(storage->release_claims("sender"), ids.size() + 2);
    EXPECT_EQ(storage->claim_due(system_clock().now(), 10, {"sender", now + 30s}).size(), ids.size() + 2);
}

// What a commit waits for, and whether it is refused then.
constexpr const char* with_slow_commits =
    "CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "PERFORM pg_advisory_xact_lock(1); "
    "IF NEW.firing = 1 AND EXISTS (SELECT FROM alerts WHERE id = NEW.alert_id AND note = 'refused') THEN "
    "RAISE disk_full; END IF; RETURN NULL; END $$; "
    "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON deliveries DEFERRABLE INITIALLY DEFERRED "
    "FOR EACH ROW EXECUTE FUNCTION at_commit()";

TEST_F(PostgresStorageTest, WhatIsClaimedAsItIsWrittenIsToldBeforeTheCommit) {
    const auto storage = open();
    const auto ids = add_alerts(*storage, 2);
    storage->keep_alive("sender", now_ + 3s);
    database_->ask(with_slow_commits);
    database_->ask("UPDATE alerts SET note = 'refused' WHERE id = '" + ids[1].to_string() + "'");
    const auto fire = [&](const Uuid& id, std::atomic<int>& told) {
        ClaimOnFiring on_firing{{"sender", now_ + 30s}};
        on_firing.before_commit = [&](const std::vector<ClaimedDelivery>& claimed) {
            EXPECT_EQ(claimed.size(), 1U);
            ++told;
        };
        const auto tasks = storage->fire(firings({id}), &on_firing);
        EXPECT_EQ(on_firing.claimed.size(), tasks.size());
        return tasks.size();
    };
    pqxx::connection other(database_->url());
    auto transaction = std::make_unique<pqxx::work>(other);
    transaction->exec("SELECT pg_advisory_xact_lock(1)");
    std::atomic<int> told = 0;
    std::thread fires([&] { EXPECT_EQ(fire(ids[0], told), 1U); });
    EXPECT_TRUE(test::eventually([&] { return told == 1; }));
    EXPECT_EQ(database_->ask("SELECT count(*) FROM deliveries"), "0") << "it is not committed yet";
    transaction.reset();
    fires.join();
    EXPECT_EQ(database_->ask("SELECT count(*) FROM deliveries"), "1");

    std::atomic<int> told_in_vain = 0;
    Trouble trouble{};
    try {
        fire(ids[1], told_in_vain);
    } catch (const StorageError& e) {
        trouble = e.trouble();
    }
    EXPECT_EQ(trouble, Trouble::full);
    EXPECT_EQ(told_in_vain, 1) << "it is not tried again without its caller's knowing";
    EXPECT_EQ(database_->ask("SELECT count(*) FROM deliveries"), "1");
    database_->ask("UPDATE alerts SET note = ''");
    EXPECT_EQ(fire(ids[1], told_in_vain), 1U) << "the next one works";
}

TEST_F(PostgresStorageTest, ReceivesTheChangesOfOtherProcesses) {
    Ear ear;
    const auto listens = open(ear.events());
    const auto writes = open();
    const Alert alert = new_alert(add_user(*writes), 1);
    ASSERT_TRUE(writes->create_alert(alert, 10));
    EXPECT_TRUE(ear.wait_for_change(alert.id));
}

TEST_F(PostgresStorageTest, ChangesOfAlertsOfANewerVersionAreSkippedAndLoggedOnceForEachNotification) {
    std::atomic<int> lines = 0;
    log::set_sink([&](auto&&...) { ++lines; }, log::Level::error);
    Ear ear;
    StorageEvents events = ear.events();
    std::atomic<int> skipped = 0;
    events.row_skipped = [&](std::string_view method) { skipped += method == "notification" ? 1 : 0; };
    const auto storage = open(std::move(events));
    const Uuid known = make_uuid(now_);
    std::string payload;
    for (int i = 0; i < 3; ++i) payload += "+ " + make_uuid(now_).to_string() + " BTC rises_by 5%\n";
    payload += "+ " + known.to_string() + " BTC gt 1";
    database_->ask("SELECT pg_notify('pricewire_changes', '" + payload + "')");
    EXPECT_TRUE(ear.wait_for_change(known));
    EXPECT_EQ(skipped, 3);
    log::set_sink({}, log::Level::warn);
    EXPECT_EQ(lines, 1);
}

TEST_F(PostgresStorageTest, ALostListenerIsReplacedAndReportsThatChangesMayBeMissed) {
    Ear ear;
    const auto storage = open(ear.events());
    const Uuid user = add_user(*storage);
    for (std::size_t times = 1; times <= 3; ++times) {
        ASSERT_EQ(database_->terminate("pricewire listener"), 1);
        ASSERT_TRUE(ear.wait_until_missed(times));
        const Alert alert = new_alert(user, static_cast<int>(times));
        ASSERT_TRUE(storage->create_alert(alert, 10));
        EXPECT_TRUE(ear.wait_for_change(alert.id));
    }
}

TEST_F(PostgresStorageTest, ConnectionsClosedByTheServerAreReplacedTransparently) {
    const auto storage = open();
    const auto ids = add_alerts(*storage, 20);
    for (int i = 0; i < 20; ++i) {
        EXPECT_GE(database_->terminate("pricewire"), 1);
        // The server forgets a connection before it closes the socket.
        ASSERT_TRUE(
            until("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                  "application_name = 'pricewire'",
                  "0"));
        EXPECT_EQ(storage->fire(firings({ids[static_cast<std::size_t>(i)]})).size(), 1U);
    }
}

TEST_F(PostgresStorageTest, ARowOfANewerVersionDoesNotCostTheConnection) {
    const auto storage = open();
    const Alert alert = new_alert(add_user(*storage), 1);
    ASSERT_TRUE(storage->create_alert(alert, 10));
    database_->ask("ALTER TYPE alert_condition ADD VALUE 'brand_new'");
    database_->ask("UPDATE alerts SET condition = 'brand_new'");
    const std::string connections =
        "SELECT string_agg(pid::text, ',') FROM pg_stat_activity WHERE datname = current_database() AND "
        "application_name = 'pricewire'";
    const std::string before = database_->ask(connections);
    EXPECT_NE(before, "");
    EXPECT_THROW(storage->alert(alert.user_id, alert.id), UnknownValue);
    EXPECT_THROW(storage->delete_alert(alert.user_id, alert.id), UnknownValue);
    EXPECT_EQ(storage->user_by_email("nobody@example.com"), std::nullopt);
    EXPECT_EQ(database_->ask(connections), before);
    EXPECT_EQ(database_->ask("SELECT is_active FROM alerts"), "t") << "it was rolled back";
}

TEST_F(PostgresStorageTest, AFailedCallLeavesNoTransactionOpen) {
    const auto storage = open();
    const auto ids = add_alerts(*storage, 2);
    const std::string open_ones =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
        "application_name = 'pricewire' AND state LIKE 'idle in transaction%'";
    // What is not the storage's own.
    const auto fails = [](std::span<const ActiveAlert>) { throw std::out_of_range("the caller's own"); };
    EXPECT_THROW(storage->load_active_alerts(fails), std::out_of_range);
    EXPECT_TRUE(until(open_ones, "0"));
    // What the server refuses, in the middle of many statements.
    database_->ask("UPDATE users SET active_alerts = 1");
    database_->ask("ALTER TABLE users ADD CONSTRAINT none_less CHECK (active_alerts > 0)");
    std::vector<FiringGroup> groups = firings(ids);
    groups[0].late = LateFiring{now_, now_, {"binance"}};
    EXPECT_THROW(storage->fire(groups), StorageError);
    EXPECT_TRUE(until(open_ones, "0"));
    EXPECT_EQ(database_->ask("SELECT count(*) FROM alerts WHERE is_active"), "2");
    database_->ask("ALTER TABLE users DROP CONSTRAINT none_less");
    EXPECT_EQ(storage->fire(groups).size(), 2U);
}

TEST_F(PostgresStorageTest, AConnectionLostDuringACallFailsOnlyThatCall) {
    const auto storage = open();
    const auto ids = add_alerts(*storage, 2);
    pqxx::connection other(database_->url());
    auto transaction = std::make_unique<pqxx::work>(other);
    transaction->exec("LOCK TABLE alerts IN ACCESS EXCLUSIVE MODE");
    std::thread fires([&] { EXPECT_THROW(storage->fire(firings(ids)), StorageError); });
    EXPECT_TRUE(
        until("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
              "wait_event_type = 'Lock'",
              "1"));
    EXPECT_GE(database_->terminate("pricewire"), 1);
    fires.join();
    transaction.reset();
    EXPECT_EQ(storage->fire(firings(ids)).size(), 2U);
}

TEST_F(PostgresStorageTest, AStuckStatementTimesOut) {
    const auto storage = open({}, 200ms);
    const auto ids = add_alerts(*storage, 1);
    pqxx::connection other(database_->url());
    auto transaction = std::make_unique<pqxx::work>(other);
    transaction->exec("LOCK TABLE alerts IN ACCESS EXCLUSIVE MODE");
    EXPECT_THROW(storage->fire(firings(ids)), StorageError);
    EXPECT_THROW(storage->create_alert(new_alert(make_uuid(now_), 2), 10), StorageError);
    EXPECT_NO_THROW(storage->ping());
    transaction.reset();
    EXPECT_EQ(storage->fire(firings(ids)).size(), 1U);
}

TEST_F(PostgresStorageTest, ACallThatGetsNoConnectionInTimeFails) {
    const auto storage = open();
    pqxx::connection other(database_->url());
    auto transaction = std::make_unique<pqxx::work>(other);
    transaction->exec("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    std::vector<std::thread> stuck;
    for (int i = 0; i < 4; ++i) stuck.emplace_back([&] { EXPECT_TRUE(storage->users().empty()); });
    EXPECT_TRUE(
        until("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
              "wait_event_type = 'Lock'",
              "4"));
    EXPECT_THROW(storage->ping(), StorageError);
    transaction.reset();
    for (auto& thread : stuck) thread.join();
    EXPECT_NO_THROW(storage->ping());
}

// A later kind needs a migration: ALTER TYPE … ADD VALUE.
TEST_F(PostgresStorageTest, TheTypesOfTheSchemaHaveEveryKind) {
    const auto expect_all = [&](const std::string& type, const auto& names) {
        for (const std::string_view name : names.all()) {
            const std::string found =
                database_->ask("SELECT count(*) FROM unnest(enum_range(NULL::" + type +
                               ")) name WHERE name::text = '" + std::string(name) + "'");
            EXPECT_EQ(found, "1") << type << " lacks " << name;
        }
    };
    expect_all("alert_condition", condition_names);
    expect_all("payload_format", payload_format_names);
    expect_all("delivery_kind", delivery_kind_names);
    expect_all("delivery_state", delivery_state_names);
}

TEST_F(PostgresStorageTest, TextThatPostgresRejectsIsKeptAsFarAsPossible) {
    const auto storage = open();
    const auto ids = add_alerts(*storage, 1);
    const Uuid id = storage->fire(firings(ids)).at(0).delivery_id;
    storage->claim_due(now_, 10, {"sender", now_ + 1min});
    DeliveryOutcome outcome{.delivery_id = id, .attempt_number = 1};
    outcome.attempt = Attempt{id, 1, now_, 1ms, 500, std::string("a\0b\xff{\",\\}", 9)};
    outcome.next = DeliveryState::failed;
    outcome.reason = outcome.attempt->error;
    storage->record(std::vector{outcome});
    EXPECT_EQ(storage->attempts_of(id).at(0).error,
              "a\xef\xbf\xbd"
              "b\xef\xbf\xbd{\",\\}");
}

TEST_F(PostgresStorageTest, AMissingDatabaseIsReported) {
    try {
        create_postgres_storage({.url = database_->url() + "_gone"}, {});
        ADD_FAILURE() << "was opened";
    } catch (const StorageError& e) {
        EXPECT_NE(std::string(e.what()).find("does not exist"), std::string::npos) << e.what();
    }
}

}  // namespace
}  // namespace pricewire::storage
