// The version before this schema on it: a rolling upgrade runs both. Its statements, as it sends them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <pqxx/pqxx>
#include <thread>

#include "rule/canonical.hpp"
#include "storage/postgres/migrate.hpp"
#include "storage/postgres/postgres_storage.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::storage {
namespace {

using namespace std::chrono_literals;

class OlderVersionTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::postgres_url()) GTEST_SKIP() << test::postgres_missing;
        database_.emplace();
        storage_ = create_postgres_storage({.url = database_->url()}, {});
        const NewUser user{{make_uuid(now_), "ann@example.com", true, now_}, sha256("key"), "whsec"};
        ASSERT_TRUE(storage_->create_user(user));
        user_ = user.user.id;
    }
    Alert new_alert() const {
        Alert alert;
        alert.id = make_uuid(now_);
        alert.user_id = user_;
        alert.ticker = "BTC";
        alert.target = Decimal::from_int(100);
        alert.webhook_url = "https://example.com/hook";
        alert.created_at = now_;
        return alert;
    }
    static Alert snoozed(Alert alert) {
        alert.terms =
            std::make_shared<const Terms>(rule::plain_terms(alert.ticker, alert.condition, alert.target));
        alert.state.snoozed_until = alert.created_at + 1h;
        return alert;
    }
    // What a checker of the version before sends; the delivery's id, or nothing.
    std::string older_fires(const Uuid& alert) {
        return database_->ask(fmt::format(
            "WITH locked AS MATERIALIZED ("
            "    SELECT f.* FROM unnest('{{{0}}}'::uuid[], '{{{1}}}'::uuid[], '{{2023-11-14 "
            "23:00:00Z}}'::timestamptz[], "
            "                           '{{101.5}}'::numeric[], '{{NULL}}'::text[]) "
            "                    f(alert_id, delivery_id, fired_at, price, late) "
            "         JOIN alerts a ON a.id = f.alert_id "
            "    WHERE a.is_active ORDER BY a.id FOR UPDATE OF a), "
            "fired AS ("
            "    UPDATE alerts a SET is_active = false, triggered_at = l.fired_at, triggered_price = "
            "l.price, "
            "                        delivery_id = l.delivery_id, late = l.late "
            "    FROM locked l WHERE a.id = l.alert_id "
            "    RETURNING a.id, a.user_id, a.delivery_id, a.triggered_at, a.deliver_within, a.late) "
            "INSERT INTO deliveries (id, alert_id, user_id, state, due_at, created_at, deadline, late) "
            "SELECT delivery_id, id, user_id, 'pending', triggered_at, triggered_at, "
            "       triggered_at + deliver_within * interval '1 microsecond', late FROM fired RETURNING id",
            alert.to_string(), make_uuid(now_).to_string()));
    }
    std::string row_of(const Uuid& alert) {
        return database_->ask(fmt::format(
            "SELECT concat_ws(' ', condition, target, is_active, triggered_at IS NULL) FROM alerts "
            "WHERE id = '{}'",
            alert.to_string()));
    }
    static RuledFiring firing(const Uuid& alert, std::int64_t k, Timestamp at) {
        RuledFiring out{.alert_id = alert, .delivery_id = make_uuid(at)};
        out.number = k;
        out.time = at;
        out.value = Decimal::from_int(107);
        return out;
    }
    std::vector<DeliveryTask> fire(const RuledFiring& f) {
        FiringGroup group{{"BTC", f.value, f.time, 1}, f.time, {}};
        group.ruled.push_back(f);
        return storage_->fire(std::vector{group});
    }

    const Timestamp now_{std::chrono::seconds{1'700'000'000}};
    std::optional<test::TestDatabase> database_;
    std::unique_ptr<Storage> storage_;
    Uuid user_;
};

TEST_F(OlderVersionTest, AnAlertWithTermsIsTrueForNoPriceToIt) {
    const Alert alert = snoozed(new_alert());
    ASSERT_TRUE(storage_->create_alert(alert, 10));
    EXPECT_EQ(row_of(alert.id), "lt 0 t t");
}

TEST_F(OlderVersionTest, ItFiresPlainAlertsAndNoneThatHasGotTerms) {
    const Alert plain = new_alert();
    ASSERT_TRUE(storage_->create_alert(plain, 10));
    EXPECT_NE(older_fires(plain.id), "");
    const Alert again = new_alert();
    ASSERT_TRUE(storage_->create_alert(again, 10));
    const auto snooze = [&](Alert& a) {
        a.state.snoozed_until = now_ + 1h;
        return true;
    };
    ASSERT_TRUE(storage_->change_alert(user_, again.id, snooze, {.now = now_ + 1s, .limit = 10}));
    EXPECT_EQ(older_fires(again.id), "") << "though it has not heard of it yet";
    EXPECT_EQ(row_of(again.id), "lt 0 t t");
    EXPECT_EQ(database_->ask("SELECT count(*) FROM deliveries"), "1");
    EXPECT_EQ(fire(firing(again.id, 1, now_ + 2h)).size(), 1U);
    EXPECT_EQ(row_of(again.id), "lt 0 f t");
}

TEST_F(OlderVersionTest, ItSkipsDeliveriesOfAlertsWithTerms) {
    Alert alert = snoozed(new_alert());
    alert.state.snoozed_until.reset();
    alert.state.expires_at = now_ + 1h;
    alert.notify_on_expiry = true;
    ASSERT_TRUE(storage_->create_alert(alert, 10));
    ASSERT_TRUE(storage_->add_test_delivery(user_, alert.id, make_uuid(now_), Decimal::from_int(1), now_));
    FiringGroup group{{"BTC", Decimal::from_int(99), now_ + 1h, 1}, now_ + 1h, {}};
    group.expiries.push_back({.alert_id = alert.id, .expires_at = now_ + 1h, .at = now_ + 1h});
    ASSERT_EQ(storage_->fire(std::vector{group}).size(), 1U);
    Alert other = alert;
    other.id = make_uuid(now_);
    ASSERT_TRUE(storage_->create_alert(other, 10));
    ASSERT_EQ(fire(firing(other.id, 1, now_ + 1s)).size(), 1U);
    EXPECT_EQ(database_->ask("SELECT count(*) FROM deliveries WHERE kind::text IN ('alert', 'test')"), "0");
    EXPECT_EQ(database_->ask("SELECT count(*) FROM deliveries"), "3");
}

TEST_F(OlderVersionTest, ItRecordsAttemptsWhileTheyBecomePartitions) {
    constexpr int before = 16;
    const test::TestDatabase database(test::TestDatabase::Schema::none);
    ASSERT_TRUE(postgres_migrate(database.url(), before));
    pqxx::connection sender(database.url());
    pqxx::nontransaction(sender).exec("SET statement_timeout = '60s'");
    sender.prepare("record",
                   "INSERT INTO attempts (delivery_id, number, started_at, duration_us, status, error, "
                   "remote_ip, request_headers, answer, dns_us, connect_us, tls_us, first_byte_us, "
                   "request_body) VALUES ($1::uuid, $2::int, now(), 1, 200, '', '', '', '', 1, 1, 1, 1, '')");
    sender.prepare(
        "attempts_of",
        "SELECT number, started_at, duration_us, status, error, remote_ip, request_headers, answer, "
        "dns_us, connect_us, tls_us, first_byte_us FROM attempts WHERE delivery_id = $1::uuid "
        "ORDER BY number DESC LIMIT 100");
    sender.prepare("prune",
                   "WITH old AS MATERIALIZED (SELECT $1::uuid AS id) "
                   "DELETE FROM attempts t USING old WHERE t.delivery_id = old.id");
    const std::string id = make_uuid(system_clock().now()).to_string();
    int made = 0;
    const auto record = [&] {
        pqxx::nontransaction work(sender);
        work.exec_prepared("record", id, ++made);
        EXPECT_EQ(work.exec_prepared("attempts_of", id).size(), static_cast<std::size_t>(made));
    };
    record();
    const int latest = static_cast<int>(postgres_migration_states(database.url()).value().size());
    for (int version = before + 1; version <= latest; ++version) {
        // Somebody who reads for long, such as a dump, makes the migration wait, and nobody else.
        pqxx::connection dump(database.url());
        pqxx::work reading(dump);
        reading.exec("SELECT count(*) FROM attempts");
        std::thread migration([&] { EXPECT_TRUE(postgres_migrate(database.url(), version)); });
        for (int i = 0; i < 3; ++i) record();
        reading.commit();
        migration.join();
        record();
    }
    EXPECT_EQ(database.ask("SELECT count(*) FROM attempts_before"), std::to_string(made));
    pqxx::nontransaction work(sender);
    EXPECT_EQ(work.exec_prepared("prune", id).affected_rows(), static_cast<std::size_t>(made));
}

TEST_F(OlderVersionTest, ItSkipsPushesAndShowsNoSecondFiring) {
    ASSERT_TRUE(storage_->put_push({.id = make_uuid(now_),
                                    .user_id = user_,
                                    .endpoint = "https://push.example.com/1",
                                    .keys = "sealed",
                                    .created_at = now_},
                                   20));
    const Alert plain = new_alert();
    ASSERT_TRUE(storage_->create_alert(plain, 10));
    FiringGroup group{{"BTC", Decimal::from_int(101), now_, 1}, now_, {{plain.id, make_uuid(now_)}}};
    ASSERT_EQ(storage_->fire(std::vector{group}).size(), 2U);
    Alert ruled = snoozed(new_alert());
    ruled.state.snoozed_until.reset();
    ruled.state.expires_at = now_ + 1h;
    ruled.notify_on_expiry = true;
    ASSERT_TRUE(storage_->create_alert(ruled, 10));
    ASSERT_EQ(fire(firing(ruled.id, 1, now_ + 1s)).size(), 2U);
    const std::string older_kinds = "'alert', 'test', 'expired', 'ruled', 'ruled_test', 'plain'";
    EXPECT_EQ(database_->ask(fmt::format("SELECT count(*) FROM deliveries WHERE push_id IS NOT NULL AND "
                                         "kind::text IN ({})",
                                         older_kinds)),
              "0");
    EXPECT_EQ(database_->ask("SELECT string_agg(kind::text, ' ' ORDER BY kind::text) FROM deliveries"),
              "alert push ruled ruled_push");
    // As it lists firings.
    EXPECT_EQ(database_->ask(fmt::format(
                  "SELECT count(*) FROM deliveries d WHERE d.alert_id = '{}' AND d.revision IS NOT NULL",
                  ruled.id.to_string())),
              "1");
}

TEST_F(OlderVersionTest, WhatItHasFiredKeepsItsPriceWhenItBeginsAgain) {
    const Alert plain = new_alert();
    ASSERT_TRUE(storage_->create_alert(plain, 10));
    ASSERT_TRUE(storage_->add_test_delivery(user_, plain.id, make_uuid(now_), Decimal::from_int(1), now_));
    const auto first = Uuid::parse(older_fires(plain.id));
    ASSERT_TRUE(first);
    EXPECT_EQ(storage_->firings(user_, plain.id, 10).at(0).price.value().to_string(), "101.5");
    const auto on = [](Alert& a) { return a.is_active = true; };
    ASSERT_TRUE(storage_->change_alert(user_, plain.id, on, {.now = now_ + 1h, .limit = 10}));
    // To its senders, the alert is lt 0 now.
    EXPECT_EQ(database_->ask("SELECT string_agg(kind::text, ' ' ORDER BY id) FROM deliveries"),
              "ruled_test plain");
    ASSERT_EQ(fire(firing(plain.id, 2, now_ + 2h)).size(), 1U);
    const auto claimed = storage_->claim(std::vector{DeliveryTask{*first, 1}}, now_ + 3h, {"me", now_ + 4h});
    ASSERT_EQ(claimed.size(), 1U);
    EXPECT_EQ(claimed[0].alert.triggered_price.value().to_string(), "101.5");
    const auto listed = storage_->firings(user_, plain.id, 10);
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[0].price.value().to_string(), "107");
    EXPECT_EQ(listed[1].price.value().to_string(), "101.5");
}

TEST_F(OlderVersionTest, ItCreatesAndDeletesAlertsAndTheyCountAsBefore) {
    const auto create = [&](const std::string& target) {
        return database_->ask(
            fmt::format("INSERT INTO alerts (id, user_id, ticker, condition, target, webhook_url, is_active, "
                        "created_at, format, "
                        "                    note, deliver_within) "
                        "VALUES (gen_random_uuid(), '{}', 'BTC', 'gt', {}, 'https://example.com/hook', true, "
                        "now(), 'json', '', 1) "
                        "ON CONFLICT DO NOTHING RETURNING 'created'",
                        user_.to_string(), target));
    };
    ASSERT_TRUE(storage_->create_alert(snoozed(new_alert()), 10));
    EXPECT_EQ(create("100"), "") << "identical to one with terms";
    EXPECT_EQ(create("7"), "created");
    EXPECT_EQ(create("7.0"), "");
}

TEST_F(OlderVersionTest, ItReplacesARuleAndItsRatiosCount) {
    int made = 0;
    const auto comparing = [&](const std::string& ticker, const std::string& other) {
        Alert alert = new_alert();
        alert.ticker = Ticker(ticker);
        alert.terms =
            std::make_shared<const Terms>(Terms{.rules = {{.ticker = alert.ticker,
                                                           .watched = Watched::ratio,
                                                           .other = Ticker(other),
                                                           .word = Word::above,
                                                           .level = {.number = Decimal::from_int(++made)}}}});
        return alert;
    };
    const auto older_replaces = [&](const Alert& alert, const Alert& by) {
        database_->ask(fmt::format("UPDATE alerts SET rule = '{}', revision = revision + 1 WHERE id = '{}'",
                                   rule::canonical(*by.terms), alert.id.to_string()));
        database_->ask(fmt::format("UPDATE alert_states SET others = '{}' WHERE alert_id = '{}'",
                                   by.terms->rules[0].other.view(), alert.id.to_string()));
    };
    for (std::size_t i = 0; i + 1 < max_ratios; ++i)
        ASSERT_TRUE(storage_->create_alert(comparing("BTC", "T" + std::to_string(i)), 100));
    const Alert elsewhere = comparing("ETH", "SOL");
    ASSERT_TRUE(storage_->create_alert(elsewhere, 100));
    older_replaces(elsewhere, comparing("BTC", "SOL"));
    EXPECT_EQ(storage_->create_alert(comparing("BTC", "ADA"), 100).error(), CreateAlertError::ratios_full);
    older_replaces(elsewhere, elsewhere);
    EXPECT_TRUE(storage_->create_alert(comparing("BTC", "ADA"), 100));
}

}  // namespace
}  // namespace pricewire::storage
