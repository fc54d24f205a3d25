// The real program on ground that gives way: files that go, disks that are full, limits that are too low, and
// databases that are another application's.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/sanitizers.hpp"
#include "scenarios/no_venues.hpp"
#include "support/deployment.hpp"
#include "support/own_database.hpp"

namespace pricewire::test {
namespace {

class Ground : public testing::Test {
protected:
    std::filesystem::path file(const char* name) const { return deployment_.directory() / name; }
    net::HttpResult health() { return deployment_.http().get(deployment_.root("/health")); }
    int register_status(const std::string& email) {
        return deployment_.http()
            .post(deployment_.api("/users/register"), R"({"email":")" + email + "\"}",
                  {{"Content-Type", "application/json"}})
            .status;
    }
    void wait_for_health(const std::string& part) {
        deployment_.wait_until(part, [&] { return health().body.find(part) != std::string::npos; });
    }
    // Runs the program through a shell that sets limits first.
    Process limited(const std::string& limits, const std::string& command = "serve") {
        auto settings = no_venues();
        settings["PRICEWIRE_HTTP_LISTEN"] = "127.0.0.1:0";
        settings["PRICEWIRE_LIMITS_REGISTER"] = "100000/1s";
        settings["PRICEWIRE_SOURCES_COINGECKO_ENABLED"] = "false";
        return Process({.command = {"/bin/bash", "-c",
                                    "ulimit -c 0; " + limits + "; exec " + std::string(PRICEWIRE_BINARY_DIR) +
                                        "/pricewire " + command},
                        .env = settings,
                        .output = file("limited.log"),
                        .directory = deployment_.directory(),
                        .user = {}});
    }

    Deployment deployment_{{.config = {{"PRICEWIRE_LIMITS_REGISTER", "1000/1s"}}}};
};

TEST_F(Ground, ADeletedDatabaseIsNoticedAndNeverSilentlyBegunAnew) {
    deployment_.start_pricewire();
    deployment_.register_user("ann@example.com");
    for (const char* suffix : {"", "-wal", "-shm"})
        std::filesystem::remove(file("pricewire.db").string() + suffix);
    EXPECT_EQ(register_status("bob@example.com"), 503);
    wait_for_health("its files were deleted, moved or replaced");
    EXPECT_EQ(health().status, 503);
    EXPECT_EQ(deployment_.http().get(deployment_.root("/health/live")).status, 200);
    deployment_.stop_pricewire();
    EXPECT_NE(deployment_.pricewire_output().find("pricewire.db was deleted or moved while it was open"),
              std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(file("pricewire.db")));

    for (const std::vector<std::string>& command : std::initializer_list<std::vector<std::string>>{
             {"serve"}, {"migrate"}, {"rotate-master-key"}, {"users", "list"}}) {
        const auto ended = deployment_.run(command);
        EXPECT_EQ(ended.code, 1) << command[0];
        const bool starts = command[0] == "serve" || command[0] == "migrate";
        EXPECT_NE(ended.output.find(starts ? "is missing or empty, but" : "does not exist"),
                  std::string::npos)
            << ended.output;
        EXPECT_FALSE(std::filesystem::exists(file("pricewire.db"))) << command[0];
    }
    EXPECT_EQ(deployment_.run({"migrate", "--new"}).code, 0);
    deployment_.start_pricewire();
    EXPECT_EQ(register_status("ann@example.com"), 201);
    EXPECT_EQ(deployment_.stop_pricewire(), 0);
}

TEST_F(Ground, AMovedDatabaseThatComesBackIsUsedAgain) {
    deployment_.start_pricewire();
    std::filesystem::rename(file("pricewire.db"), file("away.db"));
    wait_for_health("its files were deleted, moved or replaced");
    std::filesystem::rename(file("away.db"), file("pricewire.db"));
    deployment_.wait_until(
        "health", [&] { return health().body.find(R"("database":{"status":"ok")") != std::string::npos; });
    EXPECT_EQ(register_status("ann@example.com"), 201);
    EXPECT_EQ(deployment_.stop_pricewire(), 0);
}

TEST_F(Ground, AMissingKeyFileIsReported) {
    deployment_.start_pricewire();
    std::filesystem::rename(file("pricewire.key"), file("away.key"));
    wait_for_health("the key file is missing or cannot be used");
    std::filesystem::rename(file("away.key"), file("pricewire.key"));
    wait_for_health(R"("master_key":{"status":"ok")");
    EXPECT_EQ(deployment_.stop_pricewire(), 0);
}

TEST_F(Ground, TooLittleOfTheSystemEndsTheStartWithOneLine) {
    if (is_sanitized) GTEST_SKIP() << "sanitizers need terabytes of address space";
    for (const char* limits :
         {"ulimit -v 60000", "ulimit -v 100000", "ulimit -f 1", "ulimit -f 8", "ulimit -f 64"}) {
        std::filesystem::remove_all(file("data"));
        Process process = limited(limits);
        EXPECT_EQ(process.wait(), 1) << limits << "\n" << process.output();
        EXPECT_EQ(process.output().find("terminate called"), std::string::npos) << process.output();
        EXPECT_NE(process.output(), "") << limits;
    }
}

TEST_F(Ground, FourHundredMegabytesOfAddressSpaceAreEnough) {
    if (is_sanitized) GTEST_SKIP() << "sanitizers need terabytes of address space";
    Process process = limited("ulimit -v 409600");
    process.wait_for_output("is listening on");
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(), 0) << process.output();
}

TEST_F(Ground, ALimitOfFileSizeThatIsReachedLaterIsAnErrorLikeOthers) {
    Process process = limited("ulimit -f 800");
    const std::string root = process.wait_for_output("is listening on ");
    BlockingHttp http;
    int status = 201;
    for (int i = 0; status != 503 && i < 5000; ++i) {
        status = http.post(root + "/api/v1/users/register",
                           R"({"email":"u)" + std::to_string(i) + R"(@example.com"})",
                           {{"Content-Type", "application/json"}})
                     .status;
    }
    EXPECT_EQ(status, 503);
    EXPECT_NE(http.get(root + "/health").body.find("the file has reached the limit of its size"),
              std::string::npos);
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(), 0) << process.output();
}

TEST_F(Ground, ALogThatCannotBeWrittenStopsNothing) {
    for (const char* output : {"exec >/dev/full 2>&1", "exec >&- 2>&-"}) {
        Process process = limited(output, "serve --http.listen 127.0.0.1:0");
        const auto lock = file("data/pricewire.key");
        deployment_.wait_until("its start", [&] { return std::filesystem::exists(lock); });
        process.signal(SIGTERM);
        EXPECT_EQ(process.wait(), 0) << output;
        std::filesystem::remove_all(file("data"));
    }
}

// The predecessor's own settings, as its .env has them.
TEST(ForeignGround, ThePredecessorsDatabaseIsRefusedAtOnceByEveryRoleAndLeftAsItIs) {
    const auto cluster = cluster_of_environment();
    if (!cluster) GTEST_SKIP() << "no servers";
    const OwnDatabase database(cluster->postgres_url);
    database.ask("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)");
    database.ask("CREATE TABLE users (id uuid PRIMARY KEY, email varchar NOT NULL)");
    database.ask("CREATE TABLE alerts (id uuid PRIMARY KEY)");
    Deployment deployment{{}};
    const auto key = deployment.directory() / "keys";
    std::ofstream(key) << "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n";
    ASSERT_EQ(chmod(key.c_str(), 0600), 0);
    for (const std::string command :
         {"serve", "api", "feed", "checker", "sender", "migrate", "migrate --status", "users list"}) {
        std::vector<std::string> words{std::string(PRICEWIRE_BINARY_DIR) + "/pricewire"};
        std::istringstream in(command);
        for (std::string word; in >> word;) words.push_back(word);
        Process process({.command = words,
                         .env = {{"PRICEWIRE_STORAGE_DATABASE_URL", database.url()},
                                 {"REDIS_URL", cluster->redis_url},
                                 {"RABBITMQ_URL", cluster->rabbitmq_url},
                                 {"PRICEWIRE_SECURITY_MASTER_KEY_FILE", key.string()},
                                 {"PRICEWIRE_HTTP_LISTEN", "127.0.0.1:0"},
                                 {"PRICEWIRE_HEALTH_LISTEN", "127.0.0.1:0"}},
                         .output = deployment.directory() / "refused.log",
                         .directory = deployment.directory(),
                         .user = {}});
        EXPECT_EQ(process.wait(), 1) << command;
        EXPECT_NE(
            process.output().find("belongs to another application (it has alembic_version, alerts, users)"),
            std::string::npos)
            << command << "\n"
            << process.output();
    }
    EXPECT_EQ(database.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "3");
}

}  // namespace
}  // namespace pricewire::test
