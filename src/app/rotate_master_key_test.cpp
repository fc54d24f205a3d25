#include "app/rotate_master_key.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <utility>

#include "app/secrets_fixture.hpp"
#include "fakes/memory_storage.hpp"
#include "ops/instance_lock.hpp"
#include "storage/sqlite/sqlite_storage.hpp"

namespace pricewire::app {
namespace {

using namespace std::chrono_literals;

constexpr int users = 5;

class RotateTest : public SecretsFixture {
protected:
    // Users with a current and a previous secret, all under key 1, which is the file's.
    void fill(storage::Users& storage) {
        const auto box = create_secret_box({key_of(1), {}});
        for (int i = 0; i < users; ++i) {
            add_user(storage, i, sealed(i, key_of(1)));
            ASSERT_TRUE(storage.rotate_webhook_secret(
                user_of(i), box->seal(newer_of(i), user_of(i).to_string()), Timestamp{1h}));
        }
        ASSERT_TRUE(ops::write_key_file(file_, {key_of(1), {}}));
    }
    static std::string newer_of(int number) { return "whsec_newer" + std::to_string(number); }

    void expect_readable(storage::Users& storage, const SecretBox& box) {
        for (int i = 0; i < users; ++i) {
            const WebhookSecrets secrets = *storage.webhook_secrets(user_of(i));
            EXPECT_EQ(box.open(secrets.current, user_of(i).to_string()), newer_of(i));
            EXPECT_EQ(box.open(secrets.previous, user_of(i).to_string()), secret_of(i));
            EXPECT_EQ(secrets.previous_until, Timestamp{1h});
        }
    }
    bool all_current(storage::Users& storage) {
        return survey_secrets(storage).not_under(key_id(in_file().current)) == 0;
    }
    std::string rotate(storage::Users& storage) {
        const auto lines = rotate_master_key(config_, places_, storage);
        if (!lines) return "error: " + lines.error().message;
        std::string out;
        for (const std::string& line : *lines) out += line + "\n";
        for (const MasterKey& key : in_file_or_none())
            EXPECT_EQ(out.find(base64_encode(key)), out.npos) << "shows a key";
        return out;
    }
    std::vector<MasterKey> in_file_or_none() {
        const auto read = ops::read_key_file(file_);
        if (!read || !*read) return {};
        std::vector<MasterKey> keys = (*read)->previous;
        keys.push_back((*read)->current);
        return keys;
    }
    std::string lock_file() const { return database_.string() + ".lock"; }

    fakes::MemoryStorage storage_;
};

TEST_F(RotateTest, SealsEverythingUnderAFreshKeyAndDropsTheOldOne) {
    fill(storage_);
    const std::string out = rotate(storage_);
    const MasterKeys keys = in_file();
    EXPECT_NE(keys.current, key_of(1));
    EXPECT_TRUE(keys.previous.empty());
    EXPECT_TRUE(all_current(storage_));
    expect_readable(storage_, *create_secret_box({keys.current, {}}));
    EXPECT_EQ(out,
              "made the master key " + key_id(keys.current) + " in " + file_.string() +
                  ": renew your copy of the file\n10 secrets of 5 users sealed anew under the master key " +
                  key_id(keys.current) + "\ndropped 1 earlier key from " + file_.string() +
                  "; copies of the database made before need it, so keep the old copy of the file as long as "
                  "them\n");
}

TEST_F(RotateTest, ARunningPricewireTakesTheNewKeyAndItsNextStartDropsTheOldOne) {
    fill(storage_);
    const auto running = ops::create_key_file_box(file_, {}).value();
    const std::string before = running->seal("secret", "user");
    {
        const auto held = ops::InstanceLock::take(lock_file());
        ASSERT_TRUE(held);
        const std::string out = rotate(storage_);
        EXPECT_NE(out.find("the running Pricewire takes the new key by itself; the earlier key stays in " +
                           file_.string() + " until its next start"),
                  out.npos)
            << out;
        EXPECT_EQ(in_file().previous, std::vector{key_of(1)});
        expect_readable(storage_, *running);
        EXPECT_EQ(running->open(before, "user"), "secret");
        EXPECT_EQ(key_id_of(running->seal("secret", "user")), key_id(in_file().current));
        // What the running process had sealed a moment before with the old key.
        add_user(storage_, 99, sealed(99, key_of(1)));
    }
    const auto next = open_secrets(config_, places_.key_file, storage_);
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_TRUE(in_file().previous.empty());
    EXPECT_TRUE(all_current(storage_));
    expect_readable(storage_, **next);
    EXPECT_EQ(opened(storage_, 99, **next), secret_of(99));
}

TEST_F(RotateTest, NeedsTheKeyFileAndEveryKey) {
    EXPECT_EQ(rotate(storage_), "error: the key file " + file_.string() +
                                    " is missing; where it never was, 'pricewire serve' makes it");
    fill(storage_);
    ASSERT_TRUE(ops::write_key_file(file_, {key_of(2), {}}));
    EXPECT_EQ(rotate(storage_),
              "error: the key file " + file_.string() +
                  " has not every master key that the database needs (10 secrets under the key " +
                  key_id(key_of(1)) + ")");
    EXPECT_EQ(in_file().current, key_of(2));
    std::filesystem::permissions(file_, std::filesystem::perms::all);
    EXPECT_NE(rotate(storage_).find("chmod 600"), std::string::npos);
}

TEST_F(RotateTest, KeepsTheEarlierKeysWhereASecretCannotBeOpened) {
    fill(storage_);
    add_user(storage_, 99, sealed(98, key_of(1)));
    EXPECT_EQ(rotate(storage_),
              "error: 1 secret cannot be opened and stays as before (the log above says whose); the "
              "others are under the new key, and the earlier keys stay in " +
                  file_.string());
    EXPECT_EQ(in_file().previous, std::vector{key_of(1)});
    expect_readable(storage_, *create_secret_box({in_file().current, {}}));
}

TEST_F(RotateTest, SealsWhatStoodInTheClearAsWell) {
    fill(storage_);
    add_user(storage_, 99, secret_of(99));
    rotate(storage_);
    EXPECT_TRUE(all_current(storage_));
    EXPECT_EQ(opened(storage_, 99, *ops::create_key_file_box(file_, {}).value()), secret_of(99));
}

TEST_F(RotateTest, ADatabaseThatGoesAwayIsSaid) {
    fill(storage_);
    storage_.fail("the disk is full");
    EXPECT_EQ(rotate(storage_),
              "error: the disk is full; every secret can still be read, and another run finishes the work");
    storage_.heal();
    rotate(storage_);
    EXPECT_TRUE(all_current(storage_));
    EXPECT_TRUE(in_file().previous.empty());
}

TEST_F(RotateTest, UnderTheConfigurationsKeySealsAnewWhereNobodyRunsWithAnother) {
    fill(storage_);
    std::filesystem::remove(file_);
    config_.security.master_key = base64_encode(key_of(2));
    EXPECT_NE(rotate(storage_).find("error: the configuration has not every master key"), std::string::npos);
    config_.security.previous_master_keys = {base64_encode(key_of(1))};
    {
        const auto held = ops::InstanceLock::take(lock_file());
        ASSERT_TRUE(held);
        const std::string out = rotate(storage_);
        EXPECT_NE(out.find("restart it with this configuration"), out.npos) << out;
        expect_readable(storage_, *create_secret_box({key_of(1), {}}));
    }
    EXPECT_EQ(rotate(storage_),
              "10 secrets of 5 users sealed anew under the master key " + key_id(key_of(2)) +
                  "\nnothing is sealed with an earlier key any more: security.previous_master_keys "
                  "may be emptied\n");
    expect_readable(storage_, *create_secret_box({key_of(2), {}}));
    EXPECT_FALSE(std::filesystem::exists(file_));
    // And again, also beside a running one.
    const auto held = ops::InstanceLock::take(lock_file());
    EXPECT_EQ(rotate(storage_), "every secret is under the master key " + key_id(key_of(2)) +
                                    " already\nnothing is sealed with an earlier key any more: "
                                    "security.previous_master_keys may be emptied\n");
}

TEST_F(RotateTest, TwoRotationsAtOnceFollowEachOther) {
    fill(storage_);
    std::vector<pid_t> children;
    {
        storage::create_sqlite_storage({.file = database_}, {});
    }
    for (int i = 0; i < 3; ++i) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const auto storage = storage::create_sqlite_storage({.file = database_}, {});
            _exit(rotate_master_key(config_, places_, *storage) ? 0 : 1);
        }
        children.push_back(child);
    }
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    EXPECT_TRUE(in_file().previous.empty());
}

// The process is killed at every step in turn, over a database on the disk: the key file has all keys that
// are needed, wherever it was, and another run finishes.
TEST_F(RotateTest, KilledAnywhereEverySecretCanBeReadAndAnotherRunFinishes) {
    {
        const auto storage = storage::create_sqlite_storage({.file = database_}, {});
        fill(*storage);
    }
    std::set<std::size_t> keys_seen;
    int outcome = SIGKILL;
    int step = 0;
    for (; outcome == SIGKILL; ++step) {
        ASSERT_LT(step, 100);
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const auto storage = storage::create_sqlite_storage({.file = database_}, {});
            int left = step;
            const auto lines = rotate_master_key(config_, places_, *storage, [&] {
                if (left-- == 0) kill(getpid(), SIGKILL);
            });
            _exit(lines ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        outcome = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
        // In a child as well, so that this process has no thread when it forks again.
        const pid_t reader = fork();
        ASSERT_GE(reader, 0);
        if (reader == 0) {
            const auto storage = storage::create_sqlite_storage({.file = database_}, {});
            const auto box = ops::create_key_file_box(file_, {});
            if (!box) _exit(1);
            expect_readable(*storage, **box);
            if (step % 3 == 2) {
                EXPECT_EQ(rotate(*storage).find("error"), std::string::npos);
                EXPECT_TRUE(in_file().previous.empty());
                EXPECT_TRUE(all_current(*storage));
                expect_readable(*storage, *create_secret_box({in_file().current, {}}));
            }
            _exit(HasFailure() ? 1 : 0);
        }
        ASSERT_EQ(waitpid(reader, &status, 0), reader);
        EXPECT_EQ(status, 0) << "after step " << step;
        keys_seen.insert(in_file_or_none().size());
    }
    EXPECT_EQ(outcome, 0);
    EXPECT_GT(step, 15);  // two writes of the file, and each user before and after
    EXPECT_GT(keys_seen.size(), 1U);
    EXPECT_TRUE(in_file().previous.empty());
    const auto storage = storage::create_sqlite_storage({.file = database_}, {});
    EXPECT_TRUE(all_current(*storage));
    expect_readable(*storage, *create_secret_box({in_file().current, {}}));
}

}  // namespace
}  // namespace pricewire::app
