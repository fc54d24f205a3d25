// A server that answers but does not do its work.
#include <gtest/gtest.h>

#include <thread>

#include "storage/postgres/connection.hpp"
#include "storage/postgres/postgres_storage.hpp"
#include "storage/trouble_fixture.hpp"
#include "test_database/test_database.hpp"

namespace pricewire::storage {
namespace {

class PostgresTroubleTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!test::postgres_url()) GTEST_SKIP() << test::postgres_missing;
        database_.emplace();
    }
    // For connections from now on; those that exist end.
    void set(const std::string& setting) {
        // From another database: this one may be read-only already.
        test::ask_postgres(*test::postgres_url(), "ALTER DATABASE " + database_->name() + " SET " + setting);
        while (database_->terminate("%") > 0) std::this_thread::yield();
    }
    static void add_user(Storage& storage, const std::string& email) {
        const Timestamp now = system_clock().now();
        EXPECT_TRUE(storage.create_user({{make_uuid(now), email, true, now}, sha256(email), "whsec_x"}));
    }

    std::optional<test::TestDatabase> database_;
};

TEST_F(PostgresTroubleTest, AReadOnlyServerIsReportedThoughNobodyWrites) {
    const auto storage = create_postgres_storage({.url = database_->url()}, {});
    storage->ping();
    set("default_transaction_read_only = on");
    const std::string read_only = "cannot store anything: it is read-only";
    EXPECT_EQ(trouble_of([&] { probe(*storage); }), read_only);
    EXPECT_EQ(trouble_of([&] { storage->ping(); }), read_only) << "between two writes of pings";
    EXPECT_EQ(trouble_of([&] { add_user(*storage, "ann@example.com"); }), read_only);
    EXPECT_FALSE(storage->user_by_email("ann@example.com"));
    set("default_transaction_read_only = off");
    EXPECT_FALSE(storage->user_by_email("ann@example.com")) << "replaces the connection that was ended";
    add_user(*storage, "ann@example.com");
    EXPECT_EQ(trouble_of([&] { probe(*storage); }), "none");
}

TEST_F(PostgresTroubleTest, AMissingPermissionIsReported) {
    const auto storage = create_postgres_storage({.url = database_->url()}, {});
    storage->ping();
    // Where a role lacks a permission the server raises this error.
    database_->ask(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'permission "
        "denied' USING ERRCODE = '42501'; END $$");
    database_->ask("CREATE TRIGGER refuse BEFORE INSERT ON users EXECUTE FUNCTION refuse()");
    const std::string denied = "cannot store anything: permission denied";
    EXPECT_EQ(trouble_of([&] { add_user(*storage, "ann@example.com"); }), denied);
    EXPECT_EQ(trouble_of([&] { storage->ping(); }), denied) << "the probe's own row can be written";
    database_->ask("DROP TRIGGER refuse ON users");
    add_user(*storage, "ann@example.com");
    EXPECT_EQ(trouble_of([&] { storage->ping(); }), "none");
}

TEST_F(PostgresTroubleTest, AMissingTableOrColumnIsReported) {
    const auto storage = create_postgres_storage({.url = database_->url()}, {});
    storage->ping();
    const std::string altered = "its tables were changed or removed";
    for (const auto& [away, back] : {std::pair("users RENAME TO elsewhere", "elsewhere RENAME TO users"),
                                     std::pair("users RENAME email TO mail", "users RENAME mail TO email")}) {
        database_->ask(std::string("ALTER TABLE ") + away);
        EXPECT_EQ(trouble_of([&] { storage->user_by_email("ann@example.com"); }), altered);
        EXPECT_EQ(trouble_of([&] { storage->ping(); }), altered) << "the probe's own table is there";
        database_->ask(std::string("ALTER TABLE ") + back);
        EXPECT_FALSE(storage->user_by_email("ann@example.com"));
        EXPECT_EQ(trouble_of([&] { storage->ping(); }), "none");
    }
}

TEST_F(PostgresTroubleTest, AServerWithoutFreeConnectionsIsReportedAsSuch) {
    const std::string role = "nobody_" + database_->name();
    database_->ask("CREATE ROLE " + role + " LOGIN CONNECTION LIMIT 0");
    std::string url = database_->url();
    const std::size_t user = url.find("://") + 3;
    url.replace(user, url.find('@') - user, role);
    postgres::Watchdog watchdog;
    EXPECT_EQ(trouble_of([&] {
                  postgres::Connection({url, std::chrono::seconds{3}, std::chrono::seconds{3}}, watchdog);
              }),
              "the server accepts no further connections");
    database_->ask("DROP ROLE " + role);
}

TEST_F(PostgresTroubleTest, AProbeNeverWaitsForAnother) {
    const auto storage = create_postgres_storage({.url = database_->url()}, {});
    // Another process that was stopped in the middle of its probe.
    postgres::Watchdog watchdog;
    postgres::Connection other({database_->url(), std::chrono::seconds{3}, std::chrono::seconds{60}},
                               watchdog);
    other.begin();
    other.change("probe", system_clock().now());
    EXPECT_EQ(trouble_of([&] { storage->ping(); }), "none");
    other.rollback();
}

}  // namespace
}  // namespace pricewire::storage
