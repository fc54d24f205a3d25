#include "secrets/open_secrets.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "fakes/log_capture.hpp"
#include "fakes/test_storage.hpp"
#include "secrets/reseal.hpp"
#include "secrets/secrets_fixture.hpp"

namespace pricewire::secrets {
namespace {

using namespace std::chrono_literals;

class OpenSecretsTest : public SecretsFixture {
protected:
    std::unique_ptr<SecretBox> open() {
        auto box = open_secrets(places_, storage());
        EXPECT_TRUE(box) << box.error().message;
        return box ? std::move(*box) : nullptr;
    }
    std::string error() {
        const auto box = open_secrets(places_, storage());
        return box ? "opened" : box.error().message;
    }
    std::string users_secret(int number) {
        return opened(storage(), number, *create_key_file_box(file_, {}).value());
    }

    // Opened on first use: a test that forks must have no threads before.
    fakes::TestStorage& storage() {
        if (!storage_) storage_.emplace();
        return *storage_;
    }

private:
    std::optional<fakes::TestStorage> storage_;
};

TEST_F(OpenSecretsTest, CreatesAKeyFileIfNoSecretNeedsOne) {
    fakes::LogCapture log;
    const auto box = open();
    ASSERT_TRUE(box);
    const MasterKeys keys = in_file();
    EXPECT_TRUE(keys.previous.empty());
    const std::string sealed = box->seal("secret", "user");
    EXPECT_EQ(key_id_of(sealed), key_id(keys.current));
    EXPECT_EQ(log.count("created the master key that seals webhook secrets"), 1U);
    for (const std::string& line : log.lines())
        EXPECT_EQ(line.find(base64_encode(keys.current)), line.npos) << line;
    // The next start uses it.
    EXPECT_EQ(open()->open(sealed, "user"), "secret");
    EXPECT_EQ(log.lines().size(), 1U);
}

TEST_F(OpenSecretsTest, SealsSecretsInTheClear) {
    for (int i = 0; i < 3; ++i) add_user(storage(), i, secret_of(i));
    ASSERT_TRUE(storage().rotate_webhook_secret(user_of(1), "whsec_newer", Timestamp{1h}));
    fakes::LogCapture log;
    const auto box = open();
    for (int i : {0, 2}) {
        EXPECT_TRUE(box->is_current(stored(storage(), i)));
        EXPECT_EQ(opened(storage(), i, *box), secret_of(i));
    }
    const WebhookSecrets two = *storage().webhook_secrets(user_of(1));
    EXPECT_EQ(box->open(two.current, user_of(1).to_string()), "whsec_newer");
    EXPECT_EQ(box->open(two.previous, user_of(1).to_string()), secret_of(1));
    EXPECT_EQ(two.previous_until, Timestamp{1h});
    EXPECT_EQ(log.count("secrets sealed under the current master key secrets=4 in_the_clear_before=4"), 1U);
    open();
    EXPECT_EQ(log.count("secrets sealed"), 1U);
}

TEST_F(OpenSecretsTest, SealsMoreUsersThanFitOnAPage) {
    for (int i = 0; i < 1203; ++i) add_user(storage(), i, secret_of(i));
    const auto box = open();
    for (int i = 0; i < 1203; ++i) ASSERT_EQ(opened(storage(), i, *box), secret_of(i)) << i;
}

TEST_F(OpenSecretsTest, CreatesNoKeyIfTheDatabaseNeedsAMissingOne) {
    add_user(storage(), 1, sealed(1, key_of(1)));
    add_user(storage(), 2, sealed(2, key_of(1)));
    add_user(storage(), 3, secret_of(3));
    EXPECT_EQ(error(), "the key file " + file_.string() +
                           " is missing and the database needs it (2 secrets under key " + key_id(key_of(1)) +
                           "): restore it from a copy");
    EXPECT_FALSE(std::filesystem::exists(file_));
    EXPECT_EQ(stored(storage(), 3), secret_of(3));
    ASSERT_TRUE(write_key_file(file_, {key_of(1), {}}));
    const auto box = open();
    for (int i : {1, 2, 3}) EXPECT_EQ(opened(storage(), i, *box), secret_of(i));
}

TEST_F(OpenSecretsTest, AWrongKeyFileChangesNothing) {
    add_user(storage(), 1, sealed(1, key_of(1)));
    add_user(storage(), 2, secret_of(2));
    ASSERT_TRUE(write_key_file(file_, {key_of(2), {key_of(3)}}));
    EXPECT_EQ(error(), "the key file " + file_.string() +
                           " lacks master keys that the database needs (1 secret under key " +
                           key_id(key_of(1)) +
                           "): restore the right file from a copy, or add the missing keys below the first");
    EXPECT_EQ(stored(storage(), 2), secret_of(2));
    EXPECT_EQ(in_file().previous.size(), 1U);
    EXPECT_EQ(storage().calls("replace_secrets"), 0);
}

TEST_F(OpenSecretsTest, DropsPreviousKeysOnceNothingIsSealedUnderThem) {
    add_user(storage(), 1, sealed(1, key_of(1)));
    add_user(storage(), 2, sealed(2, key_of(2)));
    ASSERT_TRUE(write_key_file(file_, {key_of(2), {key_of(1), key_of(9)}}));
    const auto box = open();
    EXPECT_EQ(in_file().current, key_of(2));
    EXPECT_TRUE(in_file().previous.empty());
    for (int i : {1, 2}) EXPECT_EQ(users_secret(i), secret_of(i));
    EXPECT_EQ(box->open(stored(storage(), 1), user_of(1).to_string()), secret_of(1));
}

TEST_F(OpenSecretsTest, ADamagedSecretBlocksNoOtherUserAndKeepsThePreviousKeys) {
    const std::string good = sealed(1, key_of(1));
    add_user(storage(), 1, good);
    add_user(storage(), 2, sealed(1, key_of(1)));  // another user's
    add_user(storage(), 3, "sealed:1:damaged");
    add_user(storage(), 4, std::string(max_secret_size + 1, 'x'));
    add_user(storage(), 5, "");
    ASSERT_TRUE(write_key_file(file_, {key_of(2), {key_of(1)}}));
    fakes::LogCapture log;
    const auto box = open();
    ASSERT_TRUE(box);
    EXPECT_EQ(users_secret(1), secret_of(1));
    EXPECT_TRUE(stored(storage(), 2).starts_with("sealed:1:" + key_id(key_of(1))));
    EXPECT_EQ(stored(storage(), 5), "");
    EXPECT_EQ(in_file().previous.size(), 1U);
    EXPECT_EQ(log.count("cannot be resealed and is left unchanged user=" + user_of(2).to_string() +
                        " reason=the sealed secret is damaged or belongs to another user"),
              1U);
    EXPECT_EQ(log.count("cannot be resealed"), 3U);
    EXPECT_EQ(log.count("some secrets cannot be opened"), 1U);
}

TEST_F(OpenSecretsTest, RejectsAKeyFileThatOthersMayRead) {
    ASSERT_TRUE(write_key_file(file_, {key_of(1), {}}));
    ASSERT_EQ(chmod(file_.c_str(), 0644), 0);
    EXPECT_EQ(error(), "the key file " + file_.string() +
                           " is accessible to other users (mode 0644): run chmod 600 " + file_.string());
}

TEST_F(OpenSecretsTest, UsesTheConfiguredKeyAndCreatesNoFile) {
    places_.configured = key_of(1);
    add_user(storage(), 1, secret_of(1));
    const auto box = open();
    EXPECT_EQ(key_id_of(stored(storage(), 1)), key_id(key_of(1)));
    EXPECT_EQ(opened(storage(), 1, *box), secret_of(1));
    EXPECT_TRUE(std::filesystem::is_empty(directory_));

    // Another key without the previous one, then with it.
    places_.configured = key_of(2);
    EXPECT_EQ(error(), "the configuration lacks master keys that the database needs (1 secret under key " +
                           key_id(key_of(1)) + "): add them to security.previous_master_keys");
    EXPECT_EQ(key_id_of(stored(storage(), 1)), key_id(key_of(1)));
    places_.previous = {key_of(1)};
    open();
    EXPECT_EQ(key_id_of(stored(storage(), 1)), key_id(key_of(2)));

    // From the configured key to a key file, which is created.
    places_.configured.reset();
    places_.previous = {key_of(2)};
    open();
    EXPECT_EQ(key_id_of(stored(storage(), 1)), key_id(in_file().current));
    EXPECT_EQ(users_secret(1), secret_of(1));
}

TEST_F(OpenSecretsTest, NamesOnlyAFewMissingKeys) {
    for (std::uint8_t i = 0; i < 9; ++i) add_user(storage(), i, sealed(i, key_of(i)));
    const std::string message = error();
    EXPECT_NE(message.find(", and more): restore it"), message.npos) << message;
    EXPECT_LT(message.size(), 500U);
}

TEST_F(OpenSecretsTest, ConcurrentStartsAgreeOnOneKey) {
    for (int round = 0; round < 10; ++round) {
        std::filesystem::remove(file_);
        int ready[2];
        ASSERT_EQ(pipe(ready), 0);
        std::vector<pid_t> children;
        for (int i = 0; i < 4; ++i) {
            const pid_t child = fork();
            ASSERT_GE(child, 0);
            if (child == 0) {
                close(ready[1]);
                char byte = 0;
                if (read(ready[0], &byte, 1) != 0) _exit(1);  // until the parent closes the pipe
                _exit([&] {
                    fakes::TestStorage storage;
                    const auto box = open_secrets(places_, storage);
                    if (!box) return 2;
                    const auto there = read_key_file(file_);
                    if (!there || !*there || !(*there)->previous.empty()) return 3;
                    return key_id_of((*box)->seal("secret", "user")) == key_id((*there)->current) ? 0 : 4;
                }());
            }
            children.push_back(child);
        }
        close(ready[0]);
        close(ready[1]);
        for (const pid_t child : children) {
            int status = 0;
            ASSERT_EQ(waitpid(child, &status, 0), child);
            EXPECT_TRUE(WIFEXITED(status));
            EXPECT_EQ(WEXITSTATUS(status), 0);
        }
    }
}

// Changes a user's secrets after every read.
class RestlessStorage : public fakes::TestStorage {
public:
    int changes_left = 0;
    std::vector<storage::StoredSecrets> secrets_after(std::optional<Uuid> user, std::size_t limit) override {
        auto page = fakes::TestStorage::secrets_after(user, limit);
        change();
        return page;
    }
    std::optional<WebhookSecrets> webhook_secrets(const Uuid& user) override {
        auto out = fakes::TestStorage::webhook_secrets(user);
        change();
        return out;
    }

private:
    void change() {
        if (changes_left <= 0) return;
        --changes_left;
        rotate_webhook_secret(user_of(1), "whsec_change" + std::to_string(changes_left), Timestamp{1h});
    }
};

TEST_F(OpenSecretsTest, AConcurrentChangeIsNotOverwritten) {
    const auto box = create_secret_box({key_of(1), {}});
    RestlessStorage storage;
    add_user(storage, 1, secret_of(1));
    storage.changes_left = 5;
    const Sealing sealing = seal_secrets(storage, *box);
    EXPECT_EQ(sealing.users, 1U);
    EXPECT_EQ(sealing.secrets, 2U);
    EXPECT_EQ(opened(storage, 1, *box), "whsec_change0");
    EXPECT_EQ(box->open(storage.webhook_secrets(user_of(1))->previous, user_of(1).to_string()),
              "whsec_change1");
    RestlessStorage never_still;
    add_user(never_still, 1, secret_of(1));
    never_still.changes_left = 1'000'000;
    EXPECT_THROW(seal_secrets(never_still, *box), storage::StorageError);
}

}  // namespace
}  // namespace pricewire::secrets
