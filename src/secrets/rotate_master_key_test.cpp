#include "secrets/rotate_master_key.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <utility>

#include "base/instance_lock.hpp"
#include "fakes/test_storage.hpp"
#include "secrets/reseal.hpp"
#include "secrets/secrets_fixture.hpp"
#include "storage/sqlite/sqlite_storage.hpp"

namespace pricewire::secrets {
namespace {

using namespace std::chrono_literals;

constexpr int users = 5;

class RotateTest : public SecretsFixture {
protected:
    // Users with a current and a previous secret, all under key 1, the key file's.
    void fill(storage::Storage& storage) {
        const auto box = create_secret_box({key_of(1), {}});
        for (int i = 0; i < users; ++i) {
            add_user(storage, i, sealed(i, key_of(1)));
            ASSERT_TRUE(storage.rotate_webhook_secret(
                user_of(i), box->seal(newer_of(i), user_of(i).to_string()), Timestamp{1h}));
        }
        ASSERT_TRUE(write_key_file(file_, {key_of(1), {}}));
    }
    static std::string newer_of(int number) { return "whsec_newer" + std::to_string(number); }

    void expect_readable(storage::Storage& storage, const SecretBox& box) {
        for (int i = 0; i < users; ++i) {
            const WebhookSecrets secrets = *storage.webhook_secrets(user_of(i));
            EXPECT_EQ(box.open(secrets.current, user_of(i).to_string()), newer_of(i));
            EXPECT_EQ(box.open(secrets.previous, user_of(i).to_string()), secret_of(i));
            EXPECT_EQ(secrets.previous_until, Timestamp{1h});
        }
    }
    bool all_current(storage::Storage& storage) {
        return survey_secrets(storage).not_under(key_id(in_file().current)) == 0;
    }
    std::string rotate(storage::Storage& storage) {
        const auto lines = rotate_master_key(places_, storage);
        if (!lines) return "error: " + lines.error().message;
        std::string out;
        for (const std::string& line : *lines) out += line + "\n";
        for (const MasterKey& key : in_file_or_none())
            EXPECT_EQ(out.find(base64_encode(key)), out.npos) << "the output shows a key";
        return out;
    }
    std::vector<MasterKey> in_file_or_none() {
        const auto read = read_key_file(file_);
        if (!read || !*read) return {};
        std::vector<MasterKey> keys = (*read)->previous;
        keys.push_back((*read)->current);
        return keys;
    }
    std::string lock_file() const { return database_.string() + ".lock"; }

    // Opened on first use: a test that forks must have no threads before.
    fakes::TestStorage& storage() {
        if (!storage_) storage_.emplace();
        return *storage_;
    }

private:
    std::optional<fakes::TestStorage> storage_;
};

TEST_F(RotateTest, ResealsEverythingUnderAFreshKeyAndDropsTheOldOne) {
    fill(storage());
    const std::string out = rotate(storage());
    const MasterKeys keys = in_file();
    EXPECT_NE(keys.current, key_of(1));
    EXPECT_TRUE(keys.previous.empty());
    EXPECT_TRUE(all_current(storage()));
    expect_readable(storage(), *create_secret_box({keys.current, {}}));
    EXPECT_EQ(out,
              "created master key " + key_id(keys.current) + " in " + file_.string() +
                  ": update your copy of the file\nresealed 10 secrets of 5 users under master key " +
                  key_id(keys.current) + "\ndropped 1 previous key from " + file_.string() +
                  "; earlier copies of the database need it, so keep the old copy of the file as long as "
                  "those\n");
}

TEST_F(RotateTest, ResealsKeysOfDevicesAndTheServersOwn) {
    fill(storage());
    const auto old = create_secret_box({key_of(1), {}});
    const std::string context = server_key_context("push");
    storage().keep_server_key("push", old->seal("own key", context));
    const PushSubscription device{.id = make_uuid(Timestamp{1h}),
                                  .user_id = user_of(0),
                                  .endpoint = "https://push.example.com/1",
                                  .keys = old->seal("p256dh auth", user_of(0).to_string())};
    ASSERT_TRUE(storage().put_push(device, 20));
    EXPECT_EQ(survey_secrets(storage()).sealed,
              (std::map<std::string, std::size_t>{{key_id(key_of(1)), 12}}));
    const std::string out = rotate(storage());
    EXPECT_NE(out.find("resealed 12 secrets of 5 users"), out.npos) << out;
    EXPECT_TRUE(all_current(storage()));
    const auto box = create_secret_box(in_file());
    EXPECT_EQ(box->open(storage().push(user_of(0), device.id).value().keys, user_of(0).to_string()),
              "p256dh auth");
    EXPECT_EQ(box->open(storage().server_key("push").value(), context), "own key");
}

TEST_F(RotateTest, ADeviceThatChangesMeanwhileKeepsItsNewKeys) {
    fill(storage());
    const auto box = create_secret_box({key_of(2), {key_of(1)}});
    PushSubscription device{.id = make_uuid(Timestamp{1h}),
                            .user_id = user_of(0),
                            .endpoint = "https://push.example.com/1",
                            .keys = create_secret_box({key_of(1), {}})->seal("old", user_of(0).to_string())};
    ASSERT_TRUE(storage().put_push(device, 20));
    device.keys = box->seal("new", user_of(0).to_string());
    seal_secrets(storage(), *box, [&] { ASSERT_TRUE(storage().put_push(device, 20)); });
    EXPECT_EQ(storage().pushes(user_of(0)).at(0).keys, device.keys);
}

TEST_F(RotateTest, ARunningProcessPicksUpTheNewKeyAndItsNextStartDropsTheOldOne) {
    fill(storage());
    const auto running = create_key_file_box(file_, {}).value();
    const std::string before = running->seal("secret", "user");
    {
        const auto held = InstanceLock::take(lock_file());
        ASSERT_TRUE(held);
        const std::string out = rotate(storage());
        EXPECT_NE(out.find("the running Pricewire picks up the new key; the previous key stays in " +
                           file_.string() + " until its next start"),
                  out.npos)
            << out;
        EXPECT_EQ(in_file().previous, std::vector{key_of(1)});
        expect_readable(storage(), *running);
        EXPECT_EQ(running->open(before, "user"), "secret");
        EXPECT_EQ(key_id_of(running->seal("secret", "user")), key_id(in_file().current));
        // Sealed by the running process just before, under the old key.
        add_user(storage(), 99, sealed(99, key_of(1)));
    }
    const auto next = open_secrets(places_, storage());
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_TRUE(in_file().previous.empty());
    EXPECT_TRUE(all_current(storage()));
    expect_readable(storage(), **next);
    EXPECT_EQ(opened(storage(), 99, **next), secret_of(99));
}

TEST_F(RotateTest, NeedsTheKeyFileAndEveryKey) {
    EXPECT_EQ(rotate(storage()), "error: the key file " + file_.string() +
                                     " does not exist; the first 'pricewire serve' creates it");
    fill(storage());
    ASSERT_TRUE(write_key_file(file_, {key_of(2), {}}));
    EXPECT_EQ(rotate(storage()), "error: the key file " + file_.string() +
                                     " lacks master keys that the database needs (10 secrets under key " +
                                     key_id(key_of(1)) + ")");
    EXPECT_EQ(in_file().current, key_of(2));
    std::filesystem::permissions(file_, std::filesystem::perms::all);
    EXPECT_NE(rotate(storage()).find("chmod 600"), std::string::npos);
}

TEST_F(RotateTest, KeepsThePreviousKeysIfASecretCannotBeOpened) {
    fill(storage());
    add_user(storage(), 99, sealed(98, key_of(1)));
    EXPECT_EQ(rotate(storage()),
              "error: 1 secret cannot be opened and was left unchanged (the log above names the users); the "
              "others are under the new key, and the previous keys stay in " +
                  file_.string());
    EXPECT_EQ(in_file().previous, std::vector{key_of(1)});
    expect_readable(storage(), *create_secret_box({in_file().current, {}}));
}

TEST_F(RotateTest, SealsSecretsInTheClearToo) {
    fill(storage());
    add_user(storage(), 99, secret_of(99));
    rotate(storage());
    EXPECT_TRUE(all_current(storage()));
    EXPECT_EQ(opened(storage(), 99, *create_key_file_box(file_, {}).value()), secret_of(99));
}

TEST_F(RotateTest, ADatabaseErrorIsReportedAndTheNextRunCompletes) {
    fill(storage());
    storage().fail("the disk is full");
    EXPECT_EQ(
        rotate(storage()),
        "error: the disk is full; every secret can still be read; run the command again to complete the "
        "rotation");
    storage().heal();
    rotate(storage());
    EXPECT_TRUE(all_current(storage()));
    EXPECT_TRUE(in_file().previous.empty());
}

TEST_F(RotateTest, WithAConfiguredKeyResealsUnlessAnotherProcessRuns) {
    fill(storage());
    std::filesystem::remove(file_);
    places_.configured = key_of(2);
    EXPECT_NE(rotate(storage()).find("error: the configuration lacks master keys"), std::string::npos);
    places_.previous = {key_of(1)};
    {
        const auto held = InstanceLock::take(lock_file());
        ASSERT_TRUE(held);
        const std::string out = rotate(storage());
        EXPECT_NE(out.find("restart it with this configuration"), out.npos) << out;
        expect_readable(storage(), *create_secret_box({key_of(1), {}}));
    }
    EXPECT_EQ(rotate(storage()),
              "resealed 10 secrets of 5 users under master key " + key_id(key_of(2)) +
                  "\nno secret is sealed under a previous key: security.previous_master_keys "
                  "can be emptied\n");
    expect_readable(storage(), *create_secret_box({key_of(2), {}}));
    EXPECT_FALSE(std::filesystem::exists(file_));
    // Again, while another process runs.
    const auto held = InstanceLock::take(lock_file());
    EXPECT_EQ(rotate(storage()), "every secret is already under master key " + key_id(key_of(2)) +
                                     "\nno secret is sealed under a previous key: "
                                     "security.previous_master_keys can be emptied\n");
}

TEST_F(RotateTest, ConcurrentRotationsRunOneAfterAnother) {
    {
        const auto storage = storage::create_sqlite_storage({.file = database_}, {});
        fill(*storage);
    }
    // This process has no threads now: a child would wait for ever for what one held when it was forked.
    std::vector<pid_t> children;
    for (int i = 0; i < 3; ++i) {
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const auto storage = storage::create_sqlite_storage({.file = database_}, {});
            _exit(rotate_master_key(places_, *storage) ? 0 : 1);
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

// Kills the process at each step in turn, with a database on disk: the key file always has every key that is
// needed, and another run completes the rotation.
TEST_F(RotateTest, AfterAKillAtAnyStepEverySecretCanBeReadAndAnotherRunCompletes) {
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
            const auto lines = rotate_master_key(places_, *storage, [&] {
                if (left-- == 0) kill(getpid(), SIGKILL);
            });
            _exit(lines ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        outcome = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
        // Also in a child: this process must have no threads when it forks again.
        const pid_t reader = fork();
        ASSERT_GE(reader, 0);
        if (reader == 0) {
            const auto storage = storage::create_sqlite_storage({.file = database_}, {});
            const auto box = create_key_file_box(file_, {});
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
}  // namespace pricewire::secrets
