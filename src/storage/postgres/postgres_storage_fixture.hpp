#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/postgres/postgres_storage.hpp"
#include "support/eventually.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::storage {

using namespace std::chrono_literals;

// A database of the test's own, and what is stored in it.
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

}  // namespace pricewire::storage
