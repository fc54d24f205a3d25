// What PostgreSQL adds to the guarantees of every Storage where alerts fire: many processes on one database, claims and their
// sender's lease, commits that wait.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <pqxx/pqxx>
#include <thread>

#include "rule/canonical.hpp"
#include "storage/postgres/postgres_storage_fixture.hpp"
#include "support/eventually.hpp"

namespace pricewire::storage {
namespace {

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
    storage->keep_alive("sender", now_, 1h);
    EXPECT_EQ(fire(1, 2), 0U) << "only one is claimed as it is written";
    EXPECT_EQ(database_->ask(delivering), "0");

    // While the firing waits for its user's row, others find that the sender has died.
    pqxx::connection other(database_->url());
    auto transaction = std::make_unique<pqxx::work>(other);
    transaction->exec("SELECT FROM users FOR UPDATE");
    std::thread fires([&] { fire(3, 1); });
    EXPECT_TRUE(until(one_waits_, "1"));
    storage->keep_alive("sender", now_, 0s);
    storage->release_dead(now_);
    transaction.reset();
    fires.join();
    storage->release_dead(now_);
    EXPECT_EQ(database_->ask(delivering), "0") << "nobody would give it back before its lease ends";
    EXPECT_EQ(database_->ask("SELECT count(*) FROM deliveries"), "4");
}

TEST_F(PostgresStorageTest, WhichSendersLiveGoesByItsClockWhateverTheirsSay) {
    const auto storage = open();
    const Timestamp now = system_clock().now();
    const auto tasks = storage->fire(firings(add_alerts(*storage, 1)));
    storage->keep_alive("behind", now - 1h, 1min);
    EXPECT_EQ(storage->claim(tasks, now + 1s, {"behind", now + 30s}).size(), 1U);
    EXPECT_EQ(storage->release_dead(now + 24h), 0U);
    storage->keep_alive("behind", now + 1h, 0s);
    EXPECT_EQ(storage->release_dead(now - 24h), 1U);
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
    storage->keep_alive("sender", now_, 1h);
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

}  // namespace
}  // namespace pricewire::storage
