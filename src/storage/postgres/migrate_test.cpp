#include "storage/postgres/migrate.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <map>
#include <pqxx/pqxx>
#include <thread>

#include "storage/open.hpp"
#include "storage/postgres/postgres_storage.hpp"
#include "support/eventually.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::storage {
namespace {

class PostgresMigrateTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::postgres_url()) GTEST_SKIP() << test::postgres_missing;
        database_.emplace(test::TestDatabase::Schema::none);
    }
    const std::string& url() const { return database_->url(); }
    int latest() const { return static_cast<int>(postgres_migration_states(url()).value().size()); }
    int applied() const {
        int count = 0;
        const auto states = postgres_migration_states(url()).value();
        for (const MigrationState& s : states) count += s.applied_at ? 1 : 0;
        return count;
    }
    std::string refusal() const {
        try {
            create_postgres_storage({.url = url()}, {});
            return "";
        } catch (const StorageError& e) {
            return e.what();
        }
    }

    std::optional<test::TestDatabase> database_;
};

TEST_F(PostgresMigrateTest, AppliesAllOnceAndRecordsTheTime) {
    EXPECT_EQ(applied(), 0);
    EXPECT_EQ(database_->ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    const auto before = system_clock().now() - std::chrono::minutes{1};
    EXPECT_EQ(postgres_migrate(url()), latest());
    EXPECT_EQ(postgres_migrate(url()), 0);
    int version = 0;
    const auto states = postgres_migration_states(url()).value();
    EXPECT_EQ(states[0].name, "initial");
    for (const MigrationState& state : states) {
        EXPECT_EQ(state.version, ++version);
        ASSERT_TRUE(state.applied_at);
        EXPECT_GE(*state.applied_at, before);
    }
}

TEST_F(PostgresMigrateTest, StopsAtAVersionAndGoesForwardOnly) {
    EXPECT_EQ(postgres_migrate(url(), 0), 0);
    EXPECT_EQ(applied(), 0);
    EXPECT_NE(refusal().find("run `pricewire migrate` first"), std::string::npos) << refusal();
    EXPECT_EQ(postgres_migrate(url(), 1), 1);
    EXPECT_EQ(applied(), 1);
    const auto back = postgres_migrate(url(), 0);
    ASSERT_FALSE(back);
    EXPECT_NE(back.error().message.find("migrations only go forward"), std::string::npos);
    EXPECT_FALSE(postgres_migrate(url(), -1));
    EXPECT_FALSE(postgres_migrate(url(), latest() + 1));
}

TEST_F(PostgresMigrateTest, RejectsADatabaseNewerThanTheBinaryAndListsUnknownMigrations) {
    ASSERT_TRUE(postgres_migrate(url()));
    const int known = latest();
    database_->ask("INSERT INTO schema_migrations VALUES (99, 'from_the_future', now())");
    const auto refused = postgres_migrate(url());
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("it needs a newer Pricewire"), std::string::npos);
    EXPECT_NE(refusal().find("it needs a newer Pricewire"), std::string::npos) << refusal();
    const auto states = postgres_migration_states(url()).value();
    ASSERT_EQ(static_cast<int>(states.size()), known + 1);
    EXPECT_EQ(states.back().name, "from_the_future (unknown to this binary)");
}

TEST_F(PostgresMigrateTest, ConcurrentProcessesApplyEachOnce) {
    const int all = latest();
    std::vector<pid_t> children;
    for (int i = 0; i < 10; ++i) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const auto result = postgres_migrate(url());
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
    EXPECT_EQ(done, all);
    EXPECT_EQ(refusal(), "");
}

TEST_F(PostgresMigrateTest, AFailedMigrationLeavesThePreviousVersion) {
    ASSERT_TRUE(postgres_migrate(url(), 1));
    database_->ask("CREATE TABLE hour_bars (in_the_way int)");
    const auto failed = postgres_migrate(url());
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find("hour_bars"), std::string::npos) << failed.error().message;
    EXPECT_EQ(applied(), 1);
    database_->ask("DROP TABLE hour_bars");
    EXPECT_EQ(postgres_migrate(url()), latest() - 1);
}

TEST_F(PostgresMigrateTest, AnotherApplicationsSchemaIsLeftAsItIs) {
    const struct {
        const char* sql;
        const char* named;
    } applications[] = {
        // The predecessor, migrated by Alembic.
        {"CREATE TABLE alembic_version (version_num varchar(32) NOT NULL); CREATE TABLE users (id uuid); "
         "CREATE TABLE alerts (id uuid)",
         "alembic_version, alerts, users"},
        {"CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)", "alembic_version"},
        {"CREATE TABLE bars (id int)", "bars"},
        {"CREATE TYPE delivery_state AS ENUM ('sent')", "delivery_state"},
        {"CREATE TABLE schema_migrations (version bigint, dirty boolean)", "schema_migrations"},
    };
    for (const auto& application : applications) {
        SCOPED_TRACE(application.named);
        database_->ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        database_->ask(application.sql);
        const std::string objects =
            "SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname = 'public'";
        const std::string before = database_->ask(objects);
        const std::string expected =
            "belongs to another application (it has " + std::string(application.named) + ")";
        const auto migrated = postgres_migrate(url());
        ASSERT_FALSE(migrated);
        EXPECT_NE(migrated.error().message.find(expected), std::string::npos) << migrated.error().message;
        EXPECT_NE(migrated.error().message.find("DB_NAME"), std::string::npos);
        EXPECT_FALSE(postgres_migration_states(url()));
        EXPECT_TRUE(postgres_schema_never_fits(url()));
        try {
            open(url(), {}, {});
            ADD_FAILURE() << "opened";
        } catch (const StorageError& e) {
            ADD_FAILURE() << "this would be waited for: " << e.what();
        } catch (const std::runtime_error& e) {
            EXPECT_NE(std::string(e.what()).find(expected), std::string::npos) << e.what();
        }
        EXPECT_EQ(database_->ask(objects), before);
    }
}

TEST_F(PostgresMigrateTest, TablesOfOthersThatAreNotInTheWayDoNoHarm) {
    database_->ask("CREATE TABLE invoices (id int)");
    database_->ask("CREATE SCHEMA theirs CREATE TABLE users (id int)");
    EXPECT_EQ(postgres_migrate(url()), latest());
}

TEST_F(PostgresMigrateTest, HourBarsAreComputedFromExistingMinutes) {
    ASSERT_TRUE(postgres_migrate(url(), 1));
    database_->ask(
        "INSERT INTO bars (ticker, start, open, high, low, close) "
        "VALUES ('BTC', '2023-11-14 23:00:00Z', 99.5, 100, 9, 98), ('BTC', '2023-11-14 23:59:00Z', 98, 99, "
        "10, 97), "
        "('BTC', '2023-11-15 00:00:00Z', 1, 2, 1, 2) RETURNING 1");
    ASSERT_TRUE(postgres_migrate(url()));
    EXPECT_EQ(
        database_->ask("SELECT string_agg(concat_ws(' ', start AT TIME ZONE 'UTC', open, high, low, close), "
                       "'; ' ORDER BY start) FROM hour_bars"),
        "2023-11-14 23:00:00 99.5 100 9 97; 2023-11-15 00:00:00 1 2 1 2");
}

TEST_F(PostgresMigrateTest, AnIndexWhoseConcurrentCreationFailedIsMadeAgain) {
    ASSERT_TRUE(postgres_migrate(url(), 20));
    // It waits for what others write, and is cancelled then.
    pqxx::connection other(url());
    auto writes = std::make_unique<pqxx::work>(other);
    writes->exec("LOCK TABLE deliveries IN ROW EXCLUSIVE MODE");
    std::thread creates([&] {
        pqxx::connection connection(url());
        pqxx::nontransaction work(connection);
        EXPECT_THROW(work.exec("CREATE INDEX CONCURRENTLY deliveries_due_by_slot ON deliveries "
                               "(get_byte(uuid_send(user_id), 15), due_at) WHERE due_at IS NOT NULL"),
                     pqxx::failure);
    });
    EXPECT_TRUE(test::eventually([&] {
        return database_->ask(
                   "SELECT count(pg_cancel_backend(a.pid)) FROM pg_stat_activity a, pg_class c "
                   "WHERE c.relname = 'deliveries_due_by_slot' AND a.datname = current_database() AND "
                   "a.wait_event_type = 'Lock' "
                   "AND a.query LIKE 'CREATE INDEX CONCURRENTLY%'") != "0";
    }));
    creates.join();
    writes.reset();
    const std::string is_valid =
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'deliveries_due_by_slot'::regclass";
    EXPECT_EQ(database_->ask(is_valid), "f");
    ASSERT_TRUE(postgres_migrate(url()));
    EXPECT_EQ(database_->ask(is_valid), "t");
}

TEST_F(PostgresMigrateTest, TheOperatorsGuideHasEachTablesUpkeep) {
    ASSERT_TRUE(postgres_migrate(url()));
    std::ifstream file(PRICEWIRE_SOURCE_DIR "/docs/operations.md");
    std::map<std::string, std::string> guide;  // by table
    for (std::string line; std::getline(file, line);) {
        const std::size_t end = line.find(" | ", 2);
        if (!line.starts_with("| `") || end == std::string::npos) continue;
        for (std::size_t at = 0; (at = line.find('`', at)) < end; ++at) {
            const std::size_t from = std::exchange(at, line.find('`', at + 1)) + 1;
            guide[line.substr(from, at - from)] += line;
        }
    }
    pqxx::connection connection(url());
    pqxx::nontransaction work(connection);
    const auto settings = work.exec(
        "SELECT relname, option_name, option_value FROM pg_class, pg_options_to_table(reloptions) "
        "WHERE relnamespace = 'public'::regnamespace AND option_name LIKE 'autovacuum_%'");
    ASSERT_GT(settings.size(), 10U);
    for (const auto& row : settings) {
        const std::string setting =
            std::string(row[1].c_str()).substr(std::strlen("autovacuum_")) + " = " + row[2].c_str();
        EXPECT_NE(guide[row[0].c_str()].find("`" + setting + "`"), std::string::npos)
            << row[0].c_str() << ": " << setting;
    }
}

TEST(PostgresUrlTest, NoErrorContainsThePassword) {
    for (const char* url : {"postgresql://ann:hunter2@127.0.0.1:1/none", "postgresql://ann:hunter2@[::1/none",
                            "postgresql://ann:hunter2@127.0.0.1:1/none?sslmode=what", "nonsense hunter2",
                            "postgresql://ann:hunter2@127.0.0.1:99999/none?hunter2"}) {
        const auto failed = postgres_migrate(url);
        ASSERT_FALSE(failed) << url;
        EXPECT_EQ(failed.error().message.find("hunter2"), std::string::npos) << failed.error().message;
        EXPECT_EQ(failed.error().message.find('\n'), std::string::npos) << failed.error().message;
    }
}

}  // namespace
}  // namespace pricewire::storage
