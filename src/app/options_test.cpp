#include "app/options.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "app/check.hpp"
#include "storage/sqlite/temp_dir.hpp"

namespace pricewire::app {
namespace {

ops::Config shared() {
    ops::Config config;
    config.storage.database_url = "postgresql://pw:s3cret@db.example:5433/prices?sslmode=require";
    config.storage.redis_url = "redis://cache.example";
    config.security.master_key_file = "/keys/pricewire.key";
    return config;
}

std::string first_wrong(const ops::Config& config, std::string_view command) {
    const auto lines = wrong_for(config, roles_of(command).value());
    return lines.empty() ? "" : lines.front().substr(0, lines.front().find(':'));
}

TEST(Roles, HaveTheNamesOfTheirCommands) {
    for (const char* command : {"serve", "api", "feed", "checker", "sender"}) {
        EXPECT_EQ(roles_of(command).value().name(), command);
    }
    EXPECT_FALSE(roles_of("migrate"));
}

TEST(Options, ASeparateRoleNeedsSharedServers) {
    for (const char* command : {"api", "feed", "checker", "sender"}) {
        EXPECT_EQ(first_wrong({}, command), "storage.database_url") << command;
        EXPECT_EQ(first_wrong(shared(), command), "") << command;
    }
    EXPECT_EQ(first_wrong({}, "serve"), "");
    EXPECT_EQ(first_wrong(shared(), "serve"), "");

    ops::Config without_redis = shared();
    without_redis.storage.redis_url.clear();
    EXPECT_EQ(first_wrong(without_redis, "api"), "storage.redis_url");
    EXPECT_EQ(first_wrong(without_redis, "feed"), "storage.redis_url");
    EXPECT_EQ(first_wrong(without_redis, "checker"), "storage.redis_url");
    EXPECT_EQ(first_wrong(without_redis, "sender"), "") << "it does not read prices";
    EXPECT_EQ(first_wrong(without_redis, "serve"), "");

    ops::Config without_key = shared();
    without_key.security.master_key_file.clear();
    EXPECT_EQ(first_wrong(without_key, "api"), "security.master_key");
    EXPECT_EQ(first_wrong(without_key, "sender"), "security.master_key");
    EXPECT_EQ(first_wrong(without_key, "serve"), "security.master_key");
    EXPECT_EQ(first_wrong(without_key, "feed"), "") << "it uses no secrets";
}

TEST(Options, AnInvalidDatabaseUrlIsReported) {
    ops::Config unreadable = shared();
    unreadable.storage.database_url = "postgresql://u:s3/cret@db/x";
    EXPECT_EQ(first_wrong(unreadable, "api"), "storage.database_url");
}

TEST(Options, EachRoleHasAHealthPort) {
    ops::Config config;
    EXPECT_EQ(listen_of(config, roles_of("serve").value()), "127.0.0.1:8000");
    EXPECT_EQ(listen_of(config, roles_of("api").value()), "127.0.0.1:8000");
    EXPECT_EQ(listen_of(config, roles_of("feed").value()), "127.0.0.1:8001");
    EXPECT_EQ(listen_of(config, roles_of("checker").value()), "127.0.0.1:8002");
    EXPECT_EQ(listen_of(config, roles_of("sender").value()), "127.0.0.1:8003");
    config.health.listen = "0.0.0.0:9000";
    EXPECT_EQ(listen_of(config, roles_of("sender").value()), "0.0.0.0:9000");
    EXPECT_EQ(listen_of(config, roles_of("api").value()), "127.0.0.1:8000");
}

TEST(Options, OnlyLoopbackIsNotOpenToANetwork) {
    for (const char* own : {"127.0.0.1:8000", "127.8.9.1:0", "[::1]:8000", "::1:8000", "localhost:80"})
        EXPECT_FALSE(is_open_to_a_network(own)) << own;
    for (const char* open :
         {"0.0.0.0:8000", "[::]:8000", "10.0.0.5:80", "[fe80::1%eth0]:80", "pw.example:80"})
        EXPECT_TRUE(is_open_to_a_network(open)) << open;
}

TEST(Options, TheKeyFileIsBesideAnEmbeddedDatabaseUnlessConfigured) {
    ops::Config config;
    EXPECT_EQ(key_places_of(config).key_file, "data/pricewire.key");
    EXPECT_EQ(key_places_of(config).database_lock, "data/pricewire.db.lock");
    config.security.master_key_file = "/keys/own";
    EXPECT_EQ(key_places_of(config).key_file, "/keys/own");
    EXPECT_EQ(key_places_of(shared()).key_file, "/keys/pricewire.key");
    EXPECT_FALSE(key_places_of(shared()).database_lock);
}

TEST(Options, ConfiguredMasterKeysAreDecoded) {
    ops::Config config;
    EXPECT_FALSE(key_places_of(config).configured);
    secrets::MasterKey current{};
    secrets::MasterKey previous{};
    previous.fill(2);
    config.security.master_key = base64_encode(current);
    config.security.previous_master_keys = {base64_encode(previous)};
    EXPECT_EQ(key_places_of(config).configured, current);
    EXPECT_EQ(key_places_of(config).previous, std::vector{previous});
}

TEST(Options, ADatabaseThatIsMissingBesideItsKeyFileWasLost) {
    const storage::TempDir dir;
    const auto database = dir / "pricewire.db";
    ops::Config config;
    config.storage.database_url = "sqlite:" + database.string();
    EXPECT_TRUE(check_not_lost(config)) << "a first start";
    const auto write = [](const std::filesystem::path& file, const char* text) {
        std::ofstream(file) << text;
    };
    const auto expect_lost = [&](const std::filesystem::path& left) {
        const auto there = check_not_lost(config);
        ASSERT_FALSE(there);
        EXPECT_NE(
            there.error().message.find(database.string() + " is missing or empty, but " + left.string()),
            std::string::npos)
            << there.error().message;
        EXPECT_NE(there.error().message.find("migrate --new"), std::string::npos);
    };
    write(dir / "pricewire.key", "key");
    expect_lost(dir / "pricewire.key");
    write(database, "");
    expect_lost(dir / "pricewire.key");
    write(database, "SQLite format 3");
    EXPECT_TRUE(check_not_lost(config));

    std::filesystem::remove(database);
    config.security.master_key_file = (dir / "keys").string();
    EXPECT_TRUE(check_not_lost(config)) << "a key file of its own is not there yet";
    write(dir / "keys", "key");
    expect_lost(dir / "keys");
    std::filesystem::remove(dir / "keys");
    write(dir / "pricewire.db-wal", "committed");
    expect_lost(dir / "pricewire.db-wal");
    config.storage.database_url = "postgresql://h/d";
    EXPECT_TRUE(check_not_lost(config));
}

}  // namespace
}  // namespace pricewire::app
