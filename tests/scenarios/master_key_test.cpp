// The real programs and the master key: secrets are sealed in the files, a start without the key is refused,
// and rotations killed at random times beside a running Pricewire leave every secret readable.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include "scenarios/no_venues.hpp"
#include "secrets/key_file.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "support/deployment.hpp"

namespace pricewire::test {
namespace {

using namespace std::chrono_literals;

class MasterKeyScenario : public testing::Test {
protected:
    std::filesystem::path database() const { return deployment_.directory() / "pricewire.db"; }
    std::filesystem::path key_file() const { return deployment_.directory() / "pricewire.key"; }

    Process command(const std::string& name) {
        auto settings = no_venues();
        settings["PRICEWIRE_STORAGE_DATABASE_URL"] = "sqlite:" + database().string();
        settings["PRICEWIRE_HTTP_LISTEN"] = "127.0.0.1:0";
        settings["PRICEWIRE_SOURCES_COINGECKO_ENABLED"] = "false";
        return Process({{std::string(PRICEWIRE_BINARY_DIR) + "/pricewire", name},
                        settings,
                        deployment_.directory() / (name + ".log"),
                        deployment_.directory()});
    }

    void register_users(int count) {
        for (int i = 0; i < count; ++i) {
            const std::string email = "u" + std::to_string(secrets_.size()) + "@example.com";
            secrets_[email] = deployment_.register_user(email).webhook_secret;
        }
    }

    secrets::MasterKeys keys() { return secrets::read_key_file(key_file()).value().value(); }

    // Checks that every user's secret can be opened with the keys in the file.
    void expect_readable() {
        const auto storage = storage::create_sqlite_storage({.file = database()}, {});
        const auto box = secrets::create_secret_box(keys());
        for (const auto& [email, secret] : secrets_) {
            const auto user = storage->user_by_email(email);
            ASSERT_TRUE(user) << email;
            const auto stored = storage->webhook_secrets(user->id);
            ASSERT_TRUE(stored) << email;
            const auto opened = box->open(stored->current, user->id.to_string());
            ASSERT_TRUE(opened) << email << ": " << opened.error().message;
            EXPECT_EQ(*opened, secret) << email;
        }
    }

    void stop() { EXPECT_EQ(deployment_.stop_pricewire(), 0) << deployment_.pricewire_output(); }

    // Checks that neither the database's files nor the logs contain a secret.
    void expect_nowhere_in_files(const std::string& secret) {
        for (const auto& entry : std::filesystem::directory_iterator(deployment_.directory())) {
            if (!entry.is_regular_file()) continue;
            std::ifstream in(entry.path(), std::ios::binary);
            std::ostringstream all;
            all << in.rdbuf();
            EXPECT_EQ(all.str().find(secret), std::string::npos) << entry.path();
        }
    }

    Deployment deployment_{{}};
    std::map<std::string, std::string> secrets_;  // by e-mail
};

TEST_F(MasterKeyScenario, SecretsAreSealedAndOnlyTheOwnerCanReadTheKey) {
    // A user created before secrets were sealed.
    const std::string clear = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    {
        const auto storage = storage::create_sqlite_storage({.file = database()}, {});
        NewUser user;
        user.user = {make_uuid(system_clock().now()), "early@example.com", true, system_clock().now()};
        user.webhook_secret = clear;
        ASSERT_TRUE(storage->create_user(user));
    }
    deployment_.start_pricewire();
    register_users(3);
    stop();
    secrets_["early@example.com"] = clear;
    expect_readable();
    for (const auto& [email, secret] : secrets_) expect_nowhere_in_files(secret.substr(6));
    struct stat status{};
    ASSERT_EQ(stat(key_file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    EXPECT_NE(deployment_.pricewire_output().find("secrets sealed under the current master key"),
              std::string::npos);
}

TEST_F(MasterKeyScenario, AStartWithoutTheKeyIsRefusedAndChangesNothing) {
    deployment_.start_pricewire();
    register_users(2);
    stop();
    const std::filesystem::path away = deployment_.directory() / "copy";
    std::filesystem::rename(key_file(), away);
    Process serve = command("serve");
    EXPECT_EQ(serve.wait(), 1);
    EXPECT_NE(serve.output().find("the key file " + key_file().string() + " is missing"), std::string::npos)
        << serve.output();
    EXPECT_FALSE(std::filesystem::exists(key_file()));
    Process rotate = command("rotate-master-key");
    EXPECT_EQ(rotate.wait(), 1);
    EXPECT_FALSE(std::filesystem::exists(key_file()));
    std::filesystem::rename(away, key_file());
    deployment_.start_pricewire();
    stop();
    expect_readable();
}

TEST_F(MasterKeyScenario, RotationsKilledBesideARunningPricewireLoseNoSecret) {
    const int kills = std::getenv("PRICEWIRE_LONG") != nullptr ? 100 : 10;
    deployment_.start_pricewire();
    register_users(40);
    const secrets::MasterKey first = keys().current;
    std::mt19937_64 rng(11);
    for (int i = 0; i < kills; ++i) {
        Process rotate = command("rotate-master-key");
        const auto life = std::chrono::milliseconds{std::uniform_int_distribution<int>(0, 150)(rng)};
        std::thread killer([&rotate, life] {
            std::this_thread::sleep_for(life);
            rotate.signal(SIGKILL);
        });
        register_users(3);
        killer.join();
        rotate.wait();
        expect_readable();
    }
    Process rotate = command("rotate-master-key");
    EXPECT_EQ(rotate.wait(), 0) << rotate.output();
    EXPECT_NE(rotate.output().find("until its next start"), std::string::npos) << rotate.output();
    EXPECT_NE(keys().current, first);
    EXPECT_EQ(keys().previous.back(), first);
    register_users(3);
    expect_readable();
    stop();
    deployment_.start_pricewire();
    EXPECT_TRUE(keys().previous.empty());
    register_users(3);
    expect_readable();
    stop();
    Process alone = command("rotate-master-key");
    EXPECT_EQ(alone.wait(), 0) << alone.output();
    EXPECT_TRUE(keys().previous.empty());
    expect_readable();
}

}  // namespace
}  // namespace pricewire::test
