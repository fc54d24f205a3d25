#include "ops/master_key.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <set>
#include <thread>

namespace pricewire::ops {
namespace {

using namespace std::chrono_literals;

MasterKey key_of(std::uint8_t fill) {
    MasterKey key;
    key.fill(fill);
    return key;
}

class KeyFileTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "pricewire-key-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        directory_ = name;
        file_ = directory_ / "pricewire.key";
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    void put(const std::string& text, mode_t mode = 0600) {
        std::ofstream(file_) << text;
        ASSERT_EQ(chmod(file_.c_str(), mode), 0);
    }
    void put(const MasterKeys& keys) { ASSERT_TRUE(write_key_file(file_, keys)); }
    std::string error() {
        const auto read = read_key_file(file_);
        return read ? "read" : read.error().message;
    }
    std::string named(const std::string& message) { return "the key file " + file_.string() + message; }

    std::filesystem::path directory_;
    std::filesystem::path file_;
};

TEST(KeyFile, StandsBesideItsDatabase) {
    EXPECT_EQ(key_file_of("data/pricewire.db"), "data/pricewire.key");
    EXPECT_EQ(key_file_of("/var/lib/pricewire/my.data.sqlite"), "/var/lib/pricewire/my.data.key");
    EXPECT_EQ(key_file_of("pricewire"), "pricewire.key");
    EXPECT_EQ(key_file_of("odd.key"), "odd.key.key");
}

TEST_F(KeyFileTest, ReadsBackWhatItWritesAndIsItsOwnersAlone) {
    EXPECT_FALSE(read_key_file(file_).value());
    const MasterKeys keys{key_of(1), {key_of(2), key_of(3)}};
    umask(0);
    put(keys);
    umask(022);
    const auto read = read_key_file(file_).value();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->current, keys.current);
    EXPECT_EQ(read->previous, keys.previous);
    struct stat status{};
    ASSERT_EQ(stat(file_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
    std::ifstream in(file_);
    std::string line;
    std::getline(in, line);
    EXPECT_TRUE(line.starts_with("# Pricewire's master keys.")) << line;
    EXPECT_FALSE(std::filesystem::exists(file_.string() + ".new"));
}

TEST_F(KeyFileTest, TakesWhatAPersonHasEdited) {
    put("\r\n# mine\r\n" + base64_encode(key_of(9)) + " \t\r\n\n" + base64_encode(key_of(8)));
    const auto read = read_key_file(file_).value();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->current, key_of(9));
    EXPECT_EQ(read->previous, std::vector{key_of(8)});
}

TEST_F(KeyFileTest, RefusesWhatOthersMayReadAndSaysHowToMendIt) {
    for (const mode_t mode : {0640, 0604, 0620, 0601}) {
        put(format_key_file({key_of(1), {}}), mode);
        EXPECT_EQ(error(), named(fmt::format(" is open to others than its owner (mode {:04o}): chmod 600 {}",
                                             static_cast<unsigned>(mode), file_.string())));
    }
    put(format_key_file({key_of(1), {}}), 0400);
    EXPECT_EQ(error(), "read");
}

TEST_F(KeyFileTest, RefusesWhatIsNoKeyFileWithoutShowingIt) {
    put("");
    EXPECT_EQ(error(), named(": there is no key in it"));
    put("# a comment\n\n");
    EXPECT_EQ(error(), named(": there is no key in it"));
    put(base64_encode(key_of(1)) + "\nc2VjcmV0\n");
    EXPECT_EQ(error(), named(": line 2 is not a key, which is 32 bytes in base64"));
    put(base64_encode(key_of(1)).substr(1));
    EXPECT_EQ(error(), named(": line 1 is not a key, which is 32 bytes in base64"));
    std::string many;
    for (std::size_t i = 0; i <= max_master_keys; ++i) many += base64_encode(key_of(1)) + "\n";
    put(many);
    EXPECT_EQ(error(), named(": more than 1000 keys"));
    put(std::string(1'000'000, '#'));
    EXPECT_EQ(error(), named(" is too long"));
    std::filesystem::remove(file_);
    std::filesystem::create_directory(file_);
    EXPECT_EQ(error(), named(" is not a file"));
    std::filesystem::remove(file_);
    ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
    EXPECT_EQ(error(), named(" is not a file"));
}

TEST_F(KeyFileTest, TheMostKeysFit) {
    MasterKeys keys{key_of(0), {}};
    keys.previous.resize(max_master_keys - 1, key_of(5));
    put(keys);
    EXPECT_EQ(read_key_file(file_).value()->previous.size(), max_master_keys - 1);
}

TEST_F(KeyFileTest, AReplacedFileKeepsTheLinkInItsPlace) {
    const std::filesystem::path elsewhere = directory_ / "elsewhere";
    std::filesystem::create_directory(elsewhere);
    ASSERT_TRUE(write_key_file(elsewhere / "real", {key_of(1), {}}));
    std::filesystem::create_symlink(elsewhere / "real", file_);
    put({key_of(2), {key_of(1)}});
    EXPECT_TRUE(std::filesystem::is_symlink(file_));
    EXPECT_EQ(read_key_file(elsewhere / "real").value()->current, key_of(2));
}

TEST_F(KeyFileTest, AReplacedFileKeepsItsOwner) {
    if (geteuid() != 0) GTEST_SKIP() << "only root may write for somebody else";
    put({key_of(1), {}});
    ASSERT_EQ(chown(file_.c_str(), 1234, 1235), 0);
    put({key_of(2), {key_of(1)}});
    struct stat status{};
    ASSERT_EQ(stat(file_.c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 1234U);
    EXPECT_EQ(status.st_gid, 1235U);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(KeyFileTest, AFailingWriteSaysWhyAndLeavesTheOldFile) {
    const auto result = write_key_file(directory_ / "nowhere" / "pricewire.key", {key_of(1), {}});
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("No such file or directory"), std::string::npos);
    put({key_of(1), {}});
    // Something that cannot be removed stands where the fresh file would.
    std::filesystem::create_directories(file_.string() + ".new/x");
    EXPECT_FALSE(write_key_file(file_, {key_of(2), {}}));
    EXPECT_EQ(read_key_file(file_).value()->current, key_of(1));
}

TEST_F(KeyFileTest, KilledAnywhereItIsTheOldOrTheNewOne) {
    int survived = -1;
    std::set<std::uint8_t> seen;
    for (int steps = 0; survived != 0; ++steps) {
        put({key_of(1), {}});
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            int left = steps;
            const auto written = write_key_file(file_, {key_of(2), {key_of(1)}}, [&] {
                if (left-- == 0) kill(getpid(), SIGKILL);
            });
            _exit(written ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        survived = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
        const auto read = read_key_file(file_);
        ASSERT_TRUE(read) << read.error().message;
        ASSERT_TRUE(*read);
        seen.insert((*read)->current[0]);
        EXPECT_EQ((*read)->previous.size(), (*read)->current[0] == 2 ? 1U : 0U);
        ASSERT_LT(steps, 20);
    }
    EXPECT_EQ(seen, (std::set<std::uint8_t>{1, 2}));
    EXPECT_FALSE(std::filesystem::exists(file_.string() + ".new"));
}

TEST_F(KeyFileTest, IsOnesAtATime) {
    auto lock = std::make_unique<Result<InstanceLock>>(lock_key_file(file_, 0s));
    ASSERT_TRUE(*lock);
    const auto second = lock_key_file(file_, 0s);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message,
              "another Pricewire is at work on the master key (" + file_.string() + ".lock is locked)");
    std::thread release([&] {
        std::this_thread::sleep_for(50ms);
        lock.reset();
    });
    EXPECT_TRUE(lock_key_file(file_, 30s));
    release.join();
}

TEST_F(KeyFileTest, ABoxNoticesThatItsFileHasChanged) {
    put({key_of(1), {}});
    const auto box = create_key_file_box(file_, {key_of(7)}).value();
    const std::string first = box->seal("secret", "user");
    EXPECT_EQ(key_id_of(first), key_id(key_of(1)));
    const std::string configured = create_secret_box({key_of(7), {}})->seal("old", "user");
    EXPECT_EQ(box->open(configured, "user"), "old");

    // Another process rotates: what it seals is opened at once, and so is what was sealed before.
    put({key_of(2), {key_of(1)}});
    const std::string second = create_secret_box({key_of(2), {}})->seal("fresh", "user");
    EXPECT_EQ(box->open(second, "user"), "fresh");
    EXPECT_EQ(box->open(first, "user"), "secret");
    EXPECT_EQ(box->open(configured, "user"), "old");
    EXPECT_FALSE(box->is_current(first));
    EXPECT_EQ(key_id_of(box->seal("secret", "user")), key_id(key_of(2)));

    put({key_of(3), {key_of(2), key_of(1)}});
    EXPECT_FALSE(box->is_current(second));
    EXPECT_EQ(key_id_of(box->seal("secret", "user")), key_id(key_of(3)));

    const std::string unknown = create_secret_box({key_of(4), {}})->seal("fresh", "user");
    EXPECT_EQ(box->open(unknown, "user").error().message,
              "the secret is sealed with the master key " + key_id(key_of(4)) + ", which is not here");
}

TEST_F(KeyFileTest, ABoxKeepsItsKeysWhereTheFileCannotBeReadAnyMore) {
    put({key_of(1), {}});
    const auto box = create_key_file_box(file_, {}).value();
    const std::string sealed = box->seal("secret", "user");
    std::filesystem::remove(file_);
    EXPECT_EQ(key_id_of(box->seal("secret", "user")), key_id(key_of(1)));
    put("nonsense");
    EXPECT_EQ(key_id_of(box->seal("secret", "user")), key_id(key_of(1)));
    EXPECT_EQ(box->open(sealed, "user"), "secret");
    put({key_of(2), {key_of(1)}});
    EXPECT_EQ(key_id_of(box->seal("secret", "user")), key_id(key_of(2)));
    EXPECT_EQ(box->open(sealed, "user"), "secret");
}

TEST_F(KeyFileTest, ABoxServesManyThreadsWhileItsFileChanges) {
    put({key_of(1), {}});
    const auto box = create_key_file_box(file_, {}).value();
    std::atomic<bool> done = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            while (!done) EXPECT_EQ(box->open(box->seal("secret", "user"), "user"), "secret");
        });
    }
    MasterKeys keys{key_of(1), {}};
    for (std::uint8_t i = 2; i < 40; ++i) {
        keys.previous.insert(keys.previous.begin(), keys.current);
        keys.current = key_of(i);
        put(keys);
    }
    done = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(key_id_of(box->seal("secret", "user")), key_id(key_of(39)));
}

TEST_F(KeyFileTest, ABoxNeedsItsFile) {
    EXPECT_EQ(create_key_file_box(file_, {}).error().message, named(" is missing"));
}

TEST(ConfiguredKeys, AreThoseOfTheConfiguration) {
    Config config;
    EXPECT_FALSE(configured_keys(config));
    config.security.previous_master_keys = {base64_encode(key_of(2)), base64_encode(key_of(3))};
    EXPECT_FALSE(configured_keys(config));
    EXPECT_EQ(configured_previous_keys(config), (std::vector{key_of(2), key_of(3)}));
    config.security.master_key = base64_encode(key_of(1));
    const auto keys = configured_keys(config);
    ASSERT_TRUE(keys);
    EXPECT_EQ(keys->current, key_of(1));
    EXPECT_EQ(keys->previous, (std::vector{key_of(2), key_of(3)}));
}

}  // namespace
}  // namespace pricewire::ops
