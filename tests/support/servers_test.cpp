#include "support/servers.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace pricewire::test {
namespace {

// That start() returns says that the server answers.
template <typename Server>
void lives_twice(Server& server) {
    server.start();
    EXPECT_TRUE(server.running());
    const std::string url = server.url();
    server.kill();
    EXPECT_FALSE(server.running());
    server.start();
    EXPECT_EQ(server.url(), url);
    server.stop();
    EXPECT_FALSE(server.running());
    server.wipe();
    server.start();
    EXPECT_TRUE(server.running());
}

TEST(PostgresServer, StartsAgainAfterKillStopAndWipe) {
    PostgresServer server;
    lives_twice(server);
}

TEST(RedisServer, StartsAgainAfterKillStopAndWipe) {
    RedisServer server;
    lives_twice(server);
}

TEST(RabbitmqServer, StartsAgainAfterKillStopAndWipe) {
    RabbitmqServer server;
    lives_twice(server);
}

TEST(TestServer, ARunningOneIsNotWiped) {
    RedisServer server;
    server.start();
    EXPECT_THROW(server.wipe(), std::logic_error);
}

TEST(Process, KillsWhatItsProgramHasStartedAsWell) {
    const TempDir dir;
    Process process({.command = {"/bin/sh", "-c", "sleep 1000 & echo child $! begun; wait"},
                     .env = {},
                     .output = dir.path() / "out",
                     .directory = {},
                     .user = {}});
    const std::string child = process.wait_for_output("child ");
    ASSERT_TRUE(std::filesystem::exists("/proc/" + child));
    process.kill_tree();
    EXPECT_FALSE(process.running());
    std::string state = "Z";
    if (std::ifstream status("/proc/" + child + "/stat"); status) status >> state >> state >> state;
    EXPECT_EQ(state, "Z");
}

}  // namespace
}  // namespace pricewire::test
