#include "storage/sqlite/sqlite_storage.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/mutex.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/temp_dir.hpp"

namespace pricewire::storage {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp now{std::chrono::seconds{1'700'000'000}};

class SqliteStorageTest : public ::testing::Test {
protected:
    std::unique_ptr<Storage> open(StorageEvents events = {}) const {
        return create_sqlite_storage({.file = file_}, std::move(events));
    }
    Uuid add_user(Storage& storage, const std::string& email) const {
        const NewUser user{{make_uuid(now), email, true, now}, sha256(email), "whsec_x"};
        EXPECT_TRUE(storage.create_user(user));
        return user.user.id;
    }
    // Inserted directly, in one transaction.
    std::vector<Uuid> add_alerts(const Uuid& user, int count) const {
        sqlite::Connection db(file_, sqlite::Connection::Mode::write, 5s);
        std::vector<Uuid> ids;
        db.execute("BEGIN IMMEDIATE");
        for (int i = 1; i <= count; ++i) {
            ids.push_back(make_uuid(now));
            db.change("alert_insert", ids.back(), user, "BTC", "gt", Decimal::from_int(i),
                      "https://example.com", now, "json", std::optional<int>{}, std::optional<int>{}, "",
                      default_deliver_within, std::optional<int>{}, true, "", std::optional<int>{}, "",
                      std::optional<int>{}, std::optional<int>{});
        }
        db.execute("COMMIT");
        return ids;
    }
    std::int64_t ask(const char* sql) const {
        sqlite::Connection db(file_, sqlite::Connection::Mode::read, 5s);
        return db.database().execAndGet(sql).getInt64();
    }
    // Why it cannot be opened; empty if it can.
    std::string refusal() const {
        try {
            open();
            return "";
        } catch (const StorageError& e) {
            return e.what();
        }
    }
    static FiringGroup group(std::span<const Uuid> alerts) {
        FiringGroup out{{"BTC", Decimal::from_int(1'000'000), now, 1}, now, {}};
        for (const Uuid& id : alerts) out.firings.push_back({id, make_uuid(now)});
        return out;
    }

    TempDir dir_;
    const std::filesystem::path file_ = dir_ / "pricewire.db";
};

TEST_F(SqliteStorageTest, TheFileIsPrivateToItsOwner) {
    const mode_t before = umask(0);
    {
        const auto storage = open();
        add_user(*storage, "ann@example.com");
        for (const char* name : {"pricewire.db", "pricewire.db-wal", "pricewire.db-shm"}) {
            struct stat info{};
            ASSERT_EQ(stat((dir_ / name).c_str(), &info), 0) << name;
            EXPECT_EQ(info.st_mode & 0777U, 0600U) << name;
        }
    }
    umask(before);
}

TEST_F(SqliteStorageTest, DataPersistsAcrossReopening) {
    const Uuid user = add_user(*open(), "ann@example.com");
    EXPECT_EQ(open()->user_by_email("ann@example.com").value().id, user);
}

TEST_F(SqliteStorageTest, AChangeByAnotherProcessIsNoticedAndItsOwnIsNot) {
    struct {
        Mutex mutex;
        CondVar came;
        std::vector<std::optional<Uuid>> changes GUARDED_BY(mutex);
    } heard;
    const auto mine = open({.alert_changed = {}, .user_changed = [&](std::optional<Uuid> user) {
                                MutexLock lock(heard.mutex);
                                heard.changes.push_back(user);
                                heard.came.notify_all();
                            }});
    const Uuid user = add_user(*mine, "ann@example.com");
    mine->set_user_active(user, false);
    {
        MutexLock lock(heard.mutex);
        EXPECT_EQ(heard.changes, std::vector<std::optional<Uuid>>{user});
        heard.changes.clear();
    }
    open()->set_user_active(user, true);
    MutexLock lock(heard.mutex);
    EXPECT_TRUE(
        heard.came.wait_for(lock, 30s, [&]() REQUIRES(heard.mutex) { return !heard.changes.empty(); }));
    for (const auto& change : heard.changes) EXPECT_EQ(change, std::nullopt);
}

TEST_F(SqliteStorageTest, KilledWhileFiringEachFiredAlertHasExactlyOneDelivery) {
    const Uuid user = add_user(*open(), "ann@example.com");
    const auto alerts = add_alerts(user, 20'000);
    for (int round = 0; round < 3; ++round) {
        int reports[2];
        ASSERT_EQ(pipe(reports), 0);
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const auto storage = open();
            for (std::size_t from = 0; from < alerts.size(); from += 50) {
                const auto written = storage->fire(std::vector{group(std::span(alerts).subspan(from, 50))});
                for (const DeliveryTask& task : written) {
                    if (write(reports[1], task.delivery_id.bytes.data(), 16) != 16) _exit(1);
                }
            }
            _exit(0);
        }
        close(reports[1]);
        // Each id that comes through the pipe was reported durable.
        std::vector<Uuid> durable;
        Uuid id;
        while (durable.size() < 700 && read(reports[0], id.bytes.data(), 16) == 16) durable.push_back(id);
        kill(child, SIGKILL);
        while (read(reports[0], id.bytes.data(), 16) == 16) durable.push_back(id);
        close(reports[0]);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it was done before it was killed";

        const auto storage = open();
        EXPECT_EQ(ask("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
        EXPECT_EQ(
            ask("SELECT count(*) FROM alerts a LEFT JOIN (SELECT alert_id, count(*) AS n, max(id) AS id "
                "FROM deliveries GROUP BY alert_id) d ON d.alert_id = a.id "
                "WHERE a.is_active = coalesce(d.n, 0) OR a.delivery_id IS NOT d.id"),
            0);
        EXPECT_EQ(ask("SELECT count(*) FROM users u WHERE u.active_alerts <> "
                      "(SELECT count(*) FROM alerts a WHERE a.user_id = u.id AND a.is_active = 1)"),
                  0);
        std::vector<DeliveryTask> tasks;
        for (const Uuid& d : durable) tasks.push_back({d, 1});
        EXPECT_EQ(storage->claim(tasks, now, {"test", now}).size(), durable.size());
    }
}

TEST_F(SqliteStorageTest, KilledWhileSendingAndPruningTheDatabaseIsConsistent) {
    const Uuid user = add_user(*open(), "ann@example.com");
    const auto alerts = add_alerts(user, 3000);
    open()->fire(std::vector{group(alerts)});
    for (int round = 0; round < 3; ++round) {
        int reports[2];
        ASSERT_EQ(pipe(reports), 0);
        const pid_t child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const auto storage = open();
            for (int turn = 0;; ++turn) {
                const Timestamp at = now + turn * 1s;
                std::vector<DeliveryOutcome> outcomes;
                std::vector<Deferral> deferrals;
                const auto claimed = storage->claim_due(at, 20, {"sender-1", at + 60s});
                for (const ClaimedDelivery& c : claimed) {
                    DeliveryOutcome o{.delivery_id = c.id, .attempt_number = c.attempt};
                    o.attempt = Attempt{c.id, c.attempt, at, 1500us, 503, "no"};
                    o.ended_at = at;
                    o.next = c.attempt == 2 ? DeliveryState::failed : DeliveryState::pending;
                    if (o.next == DeliveryState::pending) o.next_attempt_at = at;
                    o.disable_endpoint = c.attempt == 2;
                    if (c.id.bytes[15] % 4 != turn % 4) {
                        outcomes.push_back(o);
                    } else {
                        deferrals.push_back({c.id, c.attempt, at + 1h, "https://example.com:443"});
                    }
                }
                storage->record(outcomes);
                storage->defer(deferrals);
                storage->claim_lane("https://example.com:443", 3, {"sender-1", at});
                storage->rotate_webhook_secret(user, std::to_string(round * 1000 + turn), at + 24h);
                storage->prune(now + 1s, 5);
                if (write(reports[1], &turn, sizeof turn) != sizeof turn) _exit(1);
            }
        }
        close(reports[1]);
        int turn = 0;
        while (turn < 15 && read(reports[0], &turn, sizeof turn) == sizeof turn) {
        }
        kill(child, SIGKILL);
        while (read(reports[0], &turn, sizeof turn) == sizeof turn) {
        }
        close(reports[0]);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status));

        const auto storage = open();
        EXPECT_EQ(ask("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
        EXPECT_EQ(ask("SELECT count(*) FROM deliveries d WHERE d.attempts <> "
                      "(SELECT count(*) FROM attempts t WHERE t.delivery_id = d.id)"),
                  0);
        EXPECT_EQ(
            ask("SELECT count(*) FROM attempts t WHERE t.delivery_id NOT IN (SELECT id FROM deliveries)"), 0);
        EXPECT_EQ(
            ask("SELECT count(*) FROM deliveries WHERE (due_at IS NULL) <> (finished_at IS NOT NULL) OR "
                "(lane IS NOT NULL AND state <> 'pending') OR (lane IS NULL) <> (lane_turn IS NULL)"),
            0);
        EXPECT_GT(ask("SELECT count(*) FROM deliveries WHERE lane IS NOT NULL"), 0);
        const auto secrets = storage->webhook_secrets(user).value();
        const int current = std::stoi(secrets.current);
        EXPECT_GE(current, round * 1000 + turn) << "a reported change was lost";
        EXPECT_EQ(std::stoi(secrets.previous), current - 1);
        storage->release_claims("sender-1");
        EXPECT_EQ(ask("SELECT count(*) FROM deliveries WHERE state = 'delivering'"), 0);
    }
    EXPECT_LT(ask("SELECT count(*) FROM deliveries"), 3000);
}

TEST_F(SqliteStorageTest, FewFiringsAreClaimedAsTheyAreWritten) {
    const auto storage = open();
    const auto ids = add_alerts(add_user(*storage, "a@example.com"), 34);
    const auto claimed_of = [&](std::size_t from, std::size_t count) {
        const FiringGroup some = group(std::span(ids).subspan(from, count));
        ClaimOnFiring on_firing{{"sender", now + 30s}};
        EXPECT_EQ(storage->fire({&some, 1}, &on_firing).size(), count);
        return on_firing.claimed.size();
    };
    EXPECT_EQ(claimed_of(0, 1), 1U);
    EXPECT_EQ(claimed_of(1, 16), 16U);
    EXPECT_EQ(claimed_of(17, 17), 0U);
    EXPECT_EQ(ask("SELECT count(*) FROM deliveries WHERE state = 'delivering'"), 17);
}

TEST_F(SqliteStorageTest, ReportsWhyAFileCannotBeUsed) {
    {
        std::ofstream out(file_);
        out << std::string(8192, 'x');
    }
    EXPECT_NE(refusal().find("file is not a database"), std::string::npos) << refusal();
    EXPECT_NE(refusal().find(file_.string()), std::string::npos);
    std::filesystem::remove(file_);
    std::filesystem::create_directory(file_);
    EXPECT_NE(refusal().find("unable to open database file"), std::string::npos) << refusal();
    EXPECT_NE(refusal().find(file_.string()), std::string::npos);
}

TEST_F(SqliteStorageTest, ReportsWhyADirectoryCannotBeCreated) {
    std::ofstream(dir_ / "file") << "x";
    try {
        create_sqlite_storage({.file = (dir_ / "file") / "below" / "pricewire.db"}, {});
        ADD_FAILURE() << "was opened";
    } catch (const StorageError& e) {
        EXPECT_NE(std::string(e.what()).find("Not a directory"), std::string::npos) << e.what();
    }
}

TEST_F(SqliteStorageTest, ReportsThatADirectoryIsNotWritable) {
    chmod(dir_.path().c_str(), 0555);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        // Root may write everywhere, so this runs as nobody.
        if (geteuid() == 0 && setuid(65534) != 0) _exit(3);
        const std::string why = refusal();
        _exit(why.find("unable to open database file") != std::string::npos &&
                      why.find(file_.string()) != std::string::npos
                  ? 0
                  : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    chmod(dir_.path().c_str(), 0700);
}

TEST_F(SqliteStorageTest, ALockHeldByAnotherProcessFailsTheCallAndNothingIsCommitted) {
    const auto storage = create_sqlite_storage({.file = file_, .busy_timeout = 10ms}, {});
    sqlite::Connection other(file_, sqlite::Connection::Mode::write, 5s);
    other.execute("BEGIN IMMEDIATE");
    const NewUser user{{make_uuid(now), "ann@example.com", true, now}, sha256("key"), "whsec_x"};
    EXPECT_THROW(storage->create_user(user), StorageError);
    EXPECT_FALSE(storage->user_by_email("ann@example.com"));  // readers are not held up
    other.execute("ROLLBACK");
    EXPECT_TRUE(storage->create_user(user));
}

TEST_F(SqliteStorageTest, CountsActiveAlertsHoweverTheyChange) {
    const auto storage = open();
    const Uuid user = add_user(*storage, "ann@example.com");
    const auto alerts = add_alerts(user, 10);
    EXPECT_EQ(ask("SELECT active_alerts FROM users"), 10);
    storage->fire(std::vector{group(std::span(alerts).subspan(0, 3))});
    storage->fire(std::vector{group(std::span(alerts).subspan(0, 4))});
    storage->delete_alert(user, alerts[0]);
    storage->delete_alert(user, alerts[9]);
    EXPECT_EQ(ask("SELECT active_alerts FROM users"), 5);
    EXPECT_EQ(ask("SELECT count(*) FROM alerts WHERE is_active = 1"), 5);
    const Uuid bob = add_user(*storage, "bob@example.com");
    const auto bobs = add_alerts(bob, 3);
    storage->fire(
        std::vector{group(std::vector{alerts[5], bobs[0]}), group(std::vector{alerts[6], bobs[1]})});
    EXPECT_EQ(ask("SELECT active_alerts FROM users WHERE email = 'ann@example.com'"), 3);
    EXPECT_EQ(ask("SELECT active_alerts FROM users WHERE email = 'bob@example.com'"), 1);
    storage->delete_user(user, now);
    EXPECT_EQ(ask("SELECT sum(active_alerts) FROM users"), 1);
    storage->prune(now + 1s, 100);
    EXPECT_EQ(ask("SELECT sum(active_alerts) FROM users"), 1);
}

// One that was running when this version came, and goes on.
TEST_F(SqliteStorageTest, ARuleThatAnOlderVersionReplacesIsCounted) {
    const auto storage = open();
    Alert alert;
    alert.id = make_uuid(now);
    alert.user_id = add_user(*storage, "ann@example.com");
    alert.ticker = "BTC";
    alert.webhook_url = "https://example.com";
    alert.created_at = now;
    alert.terms =
        std::make_shared<const Terms>(Terms{.rules = {{.ticker = "BTC",
                                                       .watched = Watched::ratio,
                                                       .other = "ETH",
                                                       .word = Word::above,
                                                       .level = {.number = Decimal::from_int(1)}}}});
    ASSERT_TRUE(storage->create_alert(alert, 10));
    const char* const counted = "SELECT count(*) FROM alert_states WHERE ratios = 'BTC ETH'";
    const char* const unknown = "SELECT count(*) FROM alert_states WHERE others <> '' AND ratios IS NULL";
    const auto older_says = [&](const char* rule) {
        sqlite::Connection(file_, sqlite::Connection::Mode::write, 5s)
            .execute(("UPDATE alerts SET rule = " + std::string(rule)).c_str());
    };
    older_says("rule");
    EXPECT_EQ(ask(counted), 1) << "it is the same";
    older_says("replace(rule, 'ETH', 'SOL')");
    EXPECT_EQ(ask(unknown), 1);
    const auto edit = [](Alert& changed) {
        Terms terms = *changed.terms;
        terms.rules[0].level.number = Decimal::from_int(2);
        changed.terms = std::make_shared<const Terms>(terms);
        return true;
    };
    ASSERT_TRUE(storage->change_alert(alert.user_id, alert.id, edit, {.now = now, .limit = 10}));
    EXPECT_EQ(ask("SELECT count(*) FROM alert_states WHERE ratios = 'BTC SOL'"), 1);
}

TEST_F(SqliteStorageTest, ReplacedSecretsAndDeletedUsersAreErasedFromTheFile) {
    const auto in_file = [&](const std::string& text) {
        std::ifstream in(file_, std::ios::binary);
        const std::string all((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
        return all.find(text) != std::string::npos;
    };
    std::vector<Uuid> users;
    {
        const auto storage = open();
        for (int i = 0; i < 200; ++i) {
            const NewUser user{{make_uuid(now), "mail" + std::to_string(i) + "@example.com", true, now},
                               sha256(std::to_string(i)),
                               "sealed under the old key " + std::to_string(i)};
            ASSERT_TRUE(storage->create_user(user));
            users.push_back(user.user.id);
        }
    }
    ASSERT_TRUE(in_file("sealed under the old key 7"));
    {
        const auto storage = open();
        for (const Uuid& user : users) {
            const auto old = storage->webhook_secrets(user).value();
            ASSERT_TRUE(storage->replace_secrets(user, old, {.current = "fresh"}));
        }
        ASSERT_TRUE(storage->delete_user(users[50], now));
    }
    EXPECT_TRUE(in_file("fresh"));
    EXPECT_FALSE(in_file("sealed under the old key"));
    EXPECT_TRUE(in_file("mail49@"));
    EXPECT_FALSE(in_file("mail50@"));
}

}  // namespace
}  // namespace pricewire::storage
