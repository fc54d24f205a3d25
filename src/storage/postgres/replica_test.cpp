// Reads that may be behind, with a real streaming replica.
#include "storage/postgres/replica.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <thread>

#include "fakes/log_capture.hpp"
#include "storage/open.hpp"
#include "storage/postgres/connection.hpp"
#include "support/eventually.hpp"
#include "support/servers.hpp"

namespace pricewire::storage::postgres {
namespace {

using namespace std::chrono_literals;
using test::eventually;

class ReplicaTest : public ::testing::Test {
protected:
    void SetUp() override {
        primary_.start();
        // The schema, and a user, so that the replica has them from the beginning.
        open(primary_.url(), {}, {});
        replica_.emplace(primary_);
        replica_->start();
        control_.emplace(ConnectionOptions{replica_->url(), 5s, 60s}, watchdog_);
    }
    std::unique_ptr<Storage> open_with_replica(Duration lag) {
        return open(primary_.url(), {.pool = 4, .replica_url = replica_->url(), .replica_lag = lag}, {});
    }
    void write(Storage& storage, int minute) {
        const Decimal price = Decimal::from_int(100);
        const Bar bar{.ticker = "BTC",
                      .start = start_ + std::chrono::minutes{minute},
                      .open = price,
                      .high = price,
                      .low = price,
                      .close = price};
        storage.upsert_bars({&bar, 1});
    }
    std::size_t read(Storage& storage) {
        return storage.bars("BTC", 1min, start_, start_ + 24h, 1000).size();
    }
    // How many bars have been read on the replica, by its own count of sequential and index scans.
    bool is_read_from() {
        const auto scans = [&] {
            const auto rows = control_->execute(
                "SELECT pg_stat_clear_snapshot(), seq_scan + idx_scan FROM pg_stat_user_tables WHERE relname "
                "= 'bars'");
            return rows.empty() ? 0 : rows[0][1].as<std::int64_t>();
        };
        const std::int64_t before = scans_;
        scans_ = scans();
        return scans_ > before;
    }
    // What the replica receives is kept from being visible.
    void pause() { control_->execute("SELECT pg_wal_replay_pause()"); }
    void resume() { control_->execute("SELECT pg_wal_replay_resume()"); }

    const Timestamp start_{std::chrono::hours{24 * 20'000}};
    test::PostgresServer primary_;
    std::optional<test::PostgresReplica> replica_;
    Watchdog watchdog_;
    std::optional<Connection> control_;
    std::int64_t scans_ = 0;
};

TEST_F(ReplicaTest, IsReadWhileItIsCloseAndThePrimaryOtherwise) {
    fakes::LogCapture log;
    const auto storage = open_with_replica(1h);
    write(*storage, 1);
    ASSERT_TRUE(eventually([&] {
        EXPECT_EQ(read(*storage), 1U);
        return is_read_from();
    })) << "it is read from";
    // It may be behind by the lag, an hour here.
    pause();
    write(*storage, 2);
    EXPECT_EQ(read(*storage), 1U);
    resume();
    EXPECT_TRUE(eventually([&] { return read(*storage) == 2; }));
    // By no more than the lag, however long it has been behind.
    const auto strict = open_with_replica(400ms);
    ASSERT_TRUE(eventually([&] {
        EXPECT_EQ(read(*strict), 2U);
        return is_read_from();
    }));
    pause();
    write(*strict, 3);
    std::this_thread::sleep_for(400ms);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(read(*strict), 3U);
    resume();
    EXPECT_TRUE(eventually([&] {
        EXPECT_EQ(read(*strict), 3U);
        return is_read_from();
    })) << "it is read from again";
}

TEST_F(ReplicaTest, ThatIsKilledOrHangsOrIsPromotedIsNotMissed) {
    fakes::LogCapture log;
    const auto storage = open_with_replica(2s);
    write(*storage, 1);
    ASSERT_TRUE(eventually([&] {
        read(*storage);
        return is_read_from();
    }));
    replica_->kill();
    for (int i = 0; i < 20; ++i) EXPECT_EQ(read(*storage), 1U);
    ASSERT_TRUE(eventually([&] { return log.count("waiting for the replica") == 1; }));
    replica_->start();
    ASSERT_TRUE(eventually([&] { return log.count("it is read from again") == 1; }));
    control_.emplace(ConnectionOptions{replica_->url(), 5s, 60s}, watchdog_);
    // Promoted, it goes its own way.
    control_->execute("SELECT pg_promote()");
    ASSERT_TRUE(eventually([&] { return log.count("waiting for the replica") == 2; }));
    for (int minute = 2; minute < 10; ++minute) {
        write(*storage, minute);
        EXPECT_EQ(read(*storage), static_cast<std::size_t>(minute));
    }
}

TEST_F(ReplicaTest, WhatIsWrittenIsReadWhereItWasWritten) {
    const auto storage = open_with_replica(1h);
    pause();
    NewUser user{{make_uuid(start_), "ann@example.com", true, start_}, sha256("key"), "sealed"};
    ASSERT_TRUE(storage->create_user(user));
    Alert alert{.id = make_uuid(start_), .user_id = user.user.id, .ticker = "BTC"};
    alert.target = Decimal::from_int(1);
    alert.webhook_url = "https://example.com/hook";
    alert.created_at = start_;
    ASSERT_TRUE(storage->create_alert(alert, 10));
    EXPECT_TRUE(storage->user_by_key_hash(sha256("key")));
    EXPECT_TRUE(storage->alert(user.user.id, alert.id));
    EXPECT_EQ(storage->alerts(user.user.id, {}).size(), 1U);
    resume();
}

}  // namespace
}  // namespace pricewire::storage::postgres
