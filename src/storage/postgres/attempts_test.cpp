// Attempts are kept by the week of their deliveries' ids, and go with it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <pqxx/pqxx>

#include "storage/postgres/postgres_storage.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::storage {
namespace {

using namespace std::chrono_literals;

constexpr Duration day = 24h;

class AttemptsTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::postgres_url()) GTEST_SKIP() << test::postgres_missing;
        database_.emplace();
        storage_ = create_postgres_storage({.url = database_->url()}, {});
    }
    std::string ask(const std::string& sql) const { return database_->ask(sql); }

    // A delivery of a day from today, with an attempt.
    std::string add(int days, bool ended = true) const {
        const std::string id = make_uuid(now_ + days * day).to_string();
        ask(fmt::format(
            "INSERT INTO deliveries (id, alert_id, user_id, state, created_at, deadline, due_at) "
            "VALUES ('{0}', '{0}', '{0}', '{1}', now() + interval '{2} days', now(), {3}) RETURNING 1",
            id, ended ? "delivered" : "pending", days, ended ? "NULL" : "now()"));
        ask(fmt::format(
            "INSERT INTO attempts (delivery_id, number, started_at, duration_us, error, remote_ip, "
            "request_headers, answer) VALUES ('{}', 1, now(), 1, '', '', '', '') RETURNING 1",
            id));
        return id;
    }
    std::string part_of(const std::string& id) const {
        return ask(fmt::format("SELECT tableoid::regclass FROM attempts WHERE delivery_id = '{}'", id));
    }
    int parts() const { return std::stoi(ask("SELECT count(*) FROM attempts_parts()")); }
    // As if pruned on that day.
    int rotate(int days, int before) const {
        return std::stoi(
            ask(fmt::format("SELECT attempts_rotate(now() + interval '{} days', "
                            "first_id_of_week(now() + interval '{} days'))",
                            days, before)));
    }
    // Removes what has ended and was created before that day.
    std::size_t prune(int days) const { return storage_->prune(now_ + days * day, 100); }

    const Timestamp now_ = system_clock().now();
    std::optional<test::TestDatabase> database_;
    std::unique_ptr<Storage> storage_;
};

TEST_F(AttemptsTest, PruningCreatesTheWeeksToCome) {
    EXPECT_EQ(parts(), 1);
    EXPECT_EQ(part_of(add(0)), "attempts_before");
    prune(-30);
    const int created = parts();
    EXPECT_GT(created, 1);
    EXPECT_TRUE(part_of(add(27)).starts_with("attempts_2")) << part_of(add(27));
    prune(-30);
    EXPECT_EQ(parts(), created) << "once";
}

TEST_F(AttemptsTest, AWeekGoesWhenItIsPastAndNoneOfItsDeliveriesIsLeft) {
    EXPECT_GT(rotate(40, 0), 0);
    const std::string ended = add(41);
    const std::string pending = add(41, false);
    const std::string week = part_of(pending);
    EXPECT_EQ(part_of(ended), week);
    const auto exists = [&] { return ask(fmt::format("SELECT to_regclass('{}') IS NOT NULL", week)) == "t"; };
    rotate(80, 60);
    EXPECT_TRUE(exists()) << "it has deliveries";
    EXPECT_EQ(prune(60), 1U);
    EXPECT_EQ(part_of(ended), week) << "not removed by itself";
    rotate(80, 60);
    EXPECT_TRUE(exists()) << "one is pending";
    ask(fmt::format("UPDATE deliveries SET due_at = NULL WHERE id = '{}' RETURNING 1", pending));
    EXPECT_EQ(prune(60), 1U);
    EXPECT_TRUE(exists()) << "today it is yet to come";
    rotate(80, 41 - 14);
    EXPECT_TRUE(exists()) << "it is to be kept for longer";
    rotate(80, 60);
    EXPECT_FALSE(exists());
    EXPECT_EQ(ask("SELECT count(*) FROM attempts"), "0");
}

TEST_F(AttemptsTest, WhatWasThereBeforeGoesWithItsDelivery) {
    const std::string id = add(-40);
    const std::string pending = add(-40, false);
    EXPECT_EQ(part_of(id), "attempts_before");
    EXPECT_EQ(prune(-30), 1U);
    EXPECT_EQ(part_of(id), "");
    EXPECT_EQ(part_of(pending), "attempts_before");
}

TEST_F(AttemptsTest, WhatHasNoWeekIsKeptAndGoesWithItsDelivery) {
    const std::string id = add(200);
    EXPECT_EQ(part_of(id), "attempts_rest");
    EXPECT_EQ(rotate(200, 0), 4) << "all of the five but that week";
    EXPECT_EQ(part_of(id), "attempts_rest");
    EXPECT_EQ(prune(199), 0U);
    EXPECT_EQ(part_of(id), "attempts_rest");
    EXPECT_EQ(prune(201), 1U);
    EXPECT_EQ(part_of(id), "");
}

TEST_F(AttemptsTest, ALockOfAnotherIsNotWaitedFor) {
    {
        pqxx::connection other(database_->url());
        pqxx::work reading(other);
        reading.exec("SELECT count(*) FROM attempts");
        EXPECT_EQ(prune(-30), 0U);
        EXPECT_EQ(parts(), 1);
    }
    prune(-30);
    EXPECT_GT(parts(), 1);
}

}  // namespace
}  // namespace pricewire::storage
