#include "secrets/key_file.hpp"

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

#include "base/unusable.hpp"
#include "secrets/secrets_fixture.hpp"

namespace pricewire::secrets {
namespace {

using namespace std::chrono_literals;

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

TEST(KeyFile, IsBesideItsDatabase) {
    EXPECT_EQ(key_file_of("data/pricewire.db"), "data/pricewire.key");
    EXPECT_EQ(key_file_of("/var/lib/pricewire/my.data.sqlite"), "/var/lib/pricewire/my.data.key");
    EXPECT_EQ(key_file_of("pricewire"), "pricewire.key");
    EXPECT_EQ(key_file_of("odd.key"), "odd.key.key");
}

TEST_F(KeyFileTest, RoundTripsAndOnlyItsOwnerMayReadIt) {
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

TEST_F(KeyFileTest, AcceptsHandEditedFiles) {
    put("\r\n# mine\r\n" + base64_encode(key_of(9)) + " \t\r\n\n" + base64_encode(key_of(8)));
    const auto read = read_key_file(file_).value();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->current, key_of(9));
    EXPECT_EQ(read->previous, std::vector{key_of(8)});
}

TEST_F(KeyFileTest, RejectsAFileThatOthersMayReadAndSaysHowToFixIt) {
    for (const mode_t mode : {0640, 0604, 0620, 0601}) {
        put(format_key_file({key_of(1), {}}), mode);
        EXPECT_EQ(error(), named(fmt::format(" is accessible to other users (mode {:04o}): run chmod 600 {}",
                                             static_cast<unsigned>(mode), file_.string())));
    }
    put(format_key_file({key_of(1), {}}), 0400);
    EXPECT_EQ(error(), "read");
}

TEST_F(KeyFileTest, RejectsInvalidFilesWithoutShowingTheirContent) {
    put("");
    EXPECT_EQ(error(), named(": it contains no key"));
    put("# a comment\n\n");
    EXPECT_EQ(error(), named(": it contains no key"));
    put(base64_encode(key_of(1)) + "\nc2VjcmV0\n");
    EXPECT_EQ(error(), named(": line 2 is not a valid key (32 bytes in base64)"));
    put(base64_encode(key_of(1)).substr(1));
    EXPECT_EQ(error(), named(": line 1 is not a valid key (32 bytes in base64)"));
    std::string many;
    for (std::size_t i = 0; i <= max_master_keys; ++i) many += base64_encode(key_of(1)) + "\n";
    put(many);
    EXPECT_EQ(error(), named(": more than 1000 keys"));
    put(std::string(1'000'000, '#'));
    EXPECT_EQ(error(), named(" is too long"));
    std::filesystem::remove(file_);
    std::filesystem::create_directory(file_);
    EXPECT_EQ(error(), named(" is not a regular file"));
    std::filesystem::remove(file_);
    ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
    EXPECT_EQ(error(), named(" is not a regular file"));
}

TEST_F(KeyFileTest, TheMaximumNumberOfKeysFits) {
    MasterKeys keys{key_of(0), {}};
    keys.previous.resize(max_master_keys - 1, key_of(5));
    put(keys);
    EXPECT_EQ(read_key_file(file_).value()->previous.size(), max_master_keys - 1);
}

TEST_F(KeyFileTest, ReplacingASymlinkedFileKeepsTheLink) {
    const std::filesystem::path elsewhere = directory_ / "elsewhere";
    std::filesystem::create_directory(elsewhere);
    ASSERT_TRUE(write_key_file(elsewhere / "real", {key_of(1), {}}));
    std::filesystem::create_symlink(elsewhere / "real", file_);
    put({key_of(2), {key_of(1)}});
    EXPECT_TRUE(std::filesystem::is_symlink(file_));
    EXPECT_EQ(read_key_file(elsewhere / "real").value()->current, key_of(2));
}

TEST_F(KeyFileTest, AReplacedFileKeepsItsOwner) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can write a file owned by another user";
    put({key_of(1), {}});
    ASSERT_EQ(chown(file_.c_str(), 1234, 1235), 0);
    put({key_of(2), {key_of(1)}});
    struct stat status{};
    ASSERT_EQ(stat(file_.c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 1234U);
    EXPECT_EQ(status.st_gid, 1235U);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST_F(KeyFileTest, AFailedWriteSaysWhyAndKeepsTheOldFile) {
    const auto result = write_key_file(directory_ / "nowhere" / "pricewire.key", {key_of(1), {}});
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("No such file or directory"), std::string::npos);
    put({key_of(1), {}});
    // The new file cannot be created: a non-empty directory has its name.
    std::filesystem::create_directories(file_.string() + ".new/x");
    EXPECT_FALSE(write_key_file(file_, {key_of(2), {}}));
    EXPECT_EQ(read_key_file(file_).value()->current, key_of(1));
}

TEST_F(KeyFileTest, AfterAKillAtAnyStepItIsTheOldOrTheNewFile) {
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

TEST_F(KeyFileTest, OnlyOneProcessHoldsTheLock) {
    auto lock = std::make_unique<Result<InstanceLock>>(lock_key_file(file_, 0s));
    ASSERT_TRUE(*lock);
    const auto second = lock_key_file(file_, 0s);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message,
              "another Pricewire process is changing the master key (" + file_.string() + ".lock is locked)");
    std::thread release([&] {
        std::this_thread::sleep_for(50ms);
        lock.reset();
    });
    EXPECT_TRUE(lock_key_file(file_, 30s));
    release.join();
}

TEST_F(KeyFileTest, ABoxReloadsAChangedFile) {
    put({key_of(1), {}});
    const auto box = create_key_file_box(file_, {key_of(7)}).value();
    const std::string first = box->seal("secret", "user");
    EXPECT_EQ(key_id_of(first), key_id(key_of(1)));
    const std::string configured = create_secret_box({key_of(7), {}})->seal("old", "user");
    EXPECT_EQ(box->open(configured, "user"), "old");

    // Another process rotates: both what it seals and what was sealed before can be opened at once.
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
              "the secret is sealed under master key " + key_id(key_of(4)) + ", which is not available");
}

TEST_F(KeyFileTest, ABoxKeepsItsKeysIfTheFileBecomesUnreadable) {
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

TEST_F(KeyFileTest, ACheckFailsWhileTheNextStartWouldFail) {
    put({key_of(1), {}});
    const auto box = create_key_file_box(file_, {}).value();
    EXPECT_NO_THROW(box->check());
    std::filesystem::remove(file_);
    EXPECT_THROW(box->check(), Unusable);
    EXPECT_THROW(box->check(), Unusable) << "not only once";
    put("nonsense");
    EXPECT_THROW(box->check(), Unusable);
    put({key_of(1), {}});
    EXPECT_NO_THROW(box->check());
    ASSERT_EQ(chmod(file_.c_str(), 0644), 0);
    EXPECT_THROW(box->check(), Unusable);
}

TEST_F(KeyFileTest, ABoxIsThreadSafeWhileItsFileChanges) {
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

TEST(KeyFile, AMasterKeyIs32BytesInBase64) {
    EXPECT_EQ(parse_master_key(base64_encode(key_of(7))), key_of(7));
    for (const char* text : {"", "c2VjcmV0", "not base64"}) EXPECT_FALSE(parse_master_key(text)) << text;
}

}  // namespace
}  // namespace pricewire::secrets
