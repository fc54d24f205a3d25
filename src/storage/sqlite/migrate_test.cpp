#include "storage/sqlite/migrate.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "storage/sqlite/temp_dir.hpp"

namespace pricewire {
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

TEST_F(MigrateTest, ADatabaseThatDoesNotExistHasNoneAndIsNotMade) {
    const auto states = sqlite_migration_states(file_).value();
    ASSERT_FALSE(states.empty());
    EXPECT_EQ(states[0].version, 1);
    EXPECT_EQ(states[0].name, "initial");
    EXPECT_FALSE(states[0].applied_at);
    EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(MigrateTest, AppliesAllOnceAndTellsWhen) {
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

TEST_F(MigrateTest, StopsAtAVersionAndGoesOn) {
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

TEST_F(MigrateTest, RefusesADatabaseNewerThanTheBinaryAndShowsWhatItDoesNotKnow) {
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

TEST_F(MigrateTest, ThreadsThatStartAtOnceApplyEachOnce) {
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

TEST_F(MigrateTest, ProcessesThatStartAtOnceApplyEachOnce) {
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

TEST_F(MigrateTest, TheCountOfActiveAlertsIsMadeForThoseThatAreThere) {
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

}  // namespace
}  // namespace pricewire
