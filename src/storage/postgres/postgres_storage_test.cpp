// What PostgreSQL adds to the guarantees of every Storage: many processes on one database, lost connections,
// stuck statements.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <pqxx/pqxx>
#include <stdexcept>
#include <thread>

#include "base/log.hpp"
#include "base/mutex.hpp"
#include "storage/postgres/postgres_storage_fixture.hpp"

namespace pricewire::storage {
namespace {

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

// Attempts of new alerts, of which each has a user and a URL of its own.
class PostgresCallsTest : public PostgresStorageTest {
protected:
    DeliveryOutcome called(Storage& storage, const Uuid& user, Timestamp at, int status) {
        const Alert alert = new_alert(user, ++last_target_);
        EXPECT_TRUE(storage.create_alert(alert, 1'000'000));
        const Uuid id = storage.fire(firings({alert.id})).at(0).delivery_id;
        storage.claim_due(now_, 10, {"sender", now_ + 1min});
        DeliveryOutcome out{.delivery_id = id, .attempt_number = 1};
        out.attempt = Attempt{id, 1, at, 1ms, status};
        out.next = status == 200 ? DeliveryState::delivered : DeliveryState::failed;
        if (status != 200) out.reason = "the receiver answered " + std::to_string(status);
        out.ended_at = at;
        out.user_id = user;
        out.webhook_url = alert.webhook_url;
        return out;
    }
    EndpointRecord record_of(Storage& storage, const Uuid& user) {
        const auto records = storage.endpoint_records(user, "", "~", now_ - 1h);
        return records.empty() ? EndpointRecord{} : records.at(0);
    }

private:
    int last_target_ = 0;
};

TEST_F(PostgresCallsTest, WhatIsCountedByEndpointIsKeptUntilItCanBeWritten) {
    const auto storage = open();
    const Uuid user = add_user(*storage);
    for (int i = 0; i < 3; ++i) storage->record(std::vector{called(*storage, user, now_, 200)});
    DeliveryOutcome ignored = called(*storage, add_user(*storage), now_, 200);
    ignored.attempt_number = 2;
    storage->record(std::vector{ignored});
    EXPECT_EQ(storage->uncounted(), 1U) << "one URL of one user";
    EXPECT_EQ(record_of(*storage, user).attempts, 0);
    database_->ask("ALTER TABLE endpoint_calls RENAME TO away");
    EXPECT_THROW(storage->count_calls(), StorageError);
    EXPECT_EQ(storage->uncounted(), 1U);
    database_->ask("ALTER TABLE away RENAME TO endpoint_calls");
    EXPECT_FALSE(record_of(*storage, user).success_at) << "all or nothing";
    storage->record(std::vector{called(*storage, user, now_, 200)});
    storage->count_calls();
    EXPECT_EQ(storage->uncounted(), 0U);
    EXPECT_EQ(record_of(*storage, user).attempts, 4);
    EXPECT_EQ(record_of(*storage, user).success_at, now_);
    EXPECT_NO_THROW(storage->count_calls());
}

TEST_F(PostgresCallsTest, AnEarlierFailureThatIsCountedLaterIsNotTheLast) {
    const auto one = open(), two = open();
    const Uuid user = add_user(*one);
    one->record(std::vector{called(*one, user, now_, 500)});
    two->record(std::vector{called(*two, user, now_ + 1s, 503), called(*two, user, now_ - 1s, 501)});
    two->count_calls();
    one->count_calls();
    const EndpointRecord record = record_of(*one, user);
    EXPECT_EQ(record.attempts, 3);
    EXPECT_EQ(record.failure, "the receiver answered 503");
    EXPECT_EQ(record.failure_status, 503);
    EXPECT_EQ(record.failure_at, now_ + 1s);
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
