// Full disks, read-only files, damaged pages, and other processes using the same file.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "storage/sqlite/temp_dir.hpp"

namespace pricewire::storage::faults_tests {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp now{std::chrono::seconds{1'700'000'000}};

class SqliteFaultsTest : public ::testing::Test {
protected:
    std::unique_ptr<Storage> open() const { return create_sqlite_storage({.file = file_}, {}); }
    static Uuid add_user(Storage& storage, const std::string& email) {
        const NewUser user{{make_uuid(now), email, true, now}, sha256(email), "whsec_x"};
        EXPECT_TRUE(storage.create_user(user));
        return user.user.id;
    }
    static std::vector<Uuid> add_alerts(Storage& storage, const Uuid& user, int count) {
        std::vector<Uuid> ids;
        for (int i = 1; i <= count; ++i) {
            Alert alert;
            alert.id = make_uuid(now);
            alert.user_id = user;
            alert.ticker = "BTC";
            alert.target = Decimal::from_int(i);
            alert.webhook_url = "https://example.com/" + std::string(200, 'x');
            alert.created_at = now;
            EXPECT_TRUE(storage.create_alert(alert, 1'000'000));
            ids.push_back(alert.id);
        }
        return ids;
    }
    static std::vector<FiringGroup> firings(const std::vector<Uuid>& alerts) {
        FiringGroup group{{"BTC", Decimal::from_int(1'000'000), now, 1}, now, {}};
        for (const Uuid& id : alerts) group.firings.push_back({id, make_uuid(now)});
        return {group};
    }
    std::int64_t ask(const char* sql) const {
        sqlite::Connection db(file_, sqlite::Connection::Mode::read, 5s);
        return db.database().execAndGet(sql).getInt64();
    }
    // The result of `f` in a child process; -1 if that process died.
    template <typename F>
    static int in_child(F f) {
        const pid_t child = fork();
        if (child == 0) _exit(f());
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    // Root may write everywhere, so this runs as nobody.
    static bool become_nobody() { return geteuid() != 0 || setuid(65534) == 0; }

    TempDir dir_;
    const std::filesystem::path file_ = dir_ / "pricewire.db";
};

TEST_F(SqliteFaultsTest, AFullDiskFailsTheWholeCallAndTheNextWorksWhenThereIsSpace) {
    const int failed_at = in_child([&] {
        const auto storage = open();
        const auto alerts = add_alerts(*storage, add_user(*storage, "ann@example.com"), 300);
        signal(SIGXFSZ, SIG_IGN);
        rlimit room{};
        getrlimit(RLIMIT_FSIZE, &room);
        rlimit none = room;
        none.rlim_cur = std::filesystem::file_size(file_.string() + "-wal") + 8192;
        setrlimit(RLIMIT_FSIZE, &none);
        try {
            storage->fire(firings(alerts));
            return 1;
        } catch (const StorageError&) {
        }
        if (ask("SELECT count(*) FROM deliveries") != 0) return 2;
        if (ask("SELECT count(*) FROM alerts WHERE is_active = 1") != 300) return 3;
        setrlimit(RLIMIT_FSIZE, &room);
        if (storage->fire(firings(alerts)).size() != 300) return 4;
        return 0;
    });
    EXPECT_EQ(failed_at, 0);
    EXPECT_EQ(ask("SELECT count(*) FROM deliveries"), 300);
    EXPECT_EQ(ask("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

TEST_F(SqliteFaultsTest, ReportsAFileThatCannotBeWritten) {
    add_user(*open(), "ann@example.com");
    chmod(file_.c_str(), 0400);
    ASSERT_TRUE(geteuid() != 0 || chown(file_.c_str(), 65534, 65534) == 0);
    chmod(dir_.path().c_str(), 0777);
    EXPECT_EQ(in_child([&] {
                  if (!become_nobody()) return 3;
                  try {
                      open();
                      return 1;
                  } catch (const StorageError& e) {
                      const std::string why = e.what();
                      return why.find("readonly") != std::string::npos &&
                                     why.find(file_.string()) != std::string::npos
                                 ? 0
                                 : 2;
                  }
              }),
              0);
}

TEST_F(SqliteFaultsTest, ADamagedPageIsAnErrorAndNeverWrongData) {
    {
        const auto storage = open();
        add_alerts(*storage, add_user(*storage, "ann@example.com"), 500);
    }
    {
        std::fstream out(file_, std::ios::in | std::ios::out | std::ios::binary);
        const auto size = static_cast<std::streamoff>(std::filesystem::file_size(file_));
        const std::string garbage(4096, '\x5a');
        // The schema is intact, so opening the file succeeds.
        for (std::streamoff at = size / 2 / 4096 * 4096; at < size; at += 4096) {
            out.seekp(at);
            out.write(garbage.data(), static_cast<std::streamsize>(garbage.size()));
        }
    }
    const auto storage = open();
    try {
        storage->load_active_alerts([](auto) {});
        ADD_FAILURE() << "was read";
    } catch (const StorageError& e) {
        EXPECT_NE(std::string(e.what()).find("malformed"), std::string::npos) << e.what();
    }
    EXPECT_THROW(storage->ping(), StorageError);
}

TEST_F(SqliteFaultsTest, ClosingLeavesEverythingInOneFile) {
    {
        const auto storage = open();
        add_user(*storage, "ann@example.com");
        EXPECT_TRUE(storage->user_by_email("ann@example.com"));
        EXPECT_GT(std::filesystem::file_size(file_.string() + "-wal"), 0U);
    }
    EXPECT_FALSE(std::filesystem::exists(file_.string() + "-wal"));
    std::filesystem::copy(file_, dir_ / "copy.db");
    EXPECT_TRUE(create_sqlite_storage({.file = dir_ / "copy.db"}, {})->user_by_email("ann@example.com"));
}

TEST_F(SqliteFaultsTest, TheCreatedDirectoryIsPrivateToItsOwner) {
    const auto file = dir_ / "data" / "pricewire.db";
    create_sqlite_storage({.file = file}, {});
    struct stat info{};
    ASSERT_EQ(stat(file.parent_path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(SqliteFaultsTest, TwoProcessesWriteToOneFileConcurrently) {
    ASSERT_TRUE(sqlite_migrate(file_));
    int go[2];
    ASSERT_EQ(pipe(go), 0);
    const auto work = [&](const std::string& email) {
        const auto storage = open();
        add_alerts(*storage, add_user(*storage, email), 150);
    };
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        char started = 0;
        if (read(go[0], &started, 1) != 1) _exit(2);
        // On a new thread: this thread's random generator was copied with the process.
        std::thread([&] { work("bob@example.com"); }).join();
        _exit(HasFailure() ? 1 : 0);
    }
    ASSERT_EQ(write(go[1], "x", 1), 1);
    work("ann@example.com");
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(ask("SELECT count(*) FROM alerts WHERE is_active = 1"), 300);
    close(go[0]);
    close(go[1]);
}

TEST_F(SqliteFaultsTest, ManyProcessesCreateTheDatabaseConcurrently) {
    // Each round uses a new file: only there SQLite takes the lock for which it does not wait.
    for (int round = 0; round < 40; ++round) {
        const auto file = dir_.path() / ("new" + std::to_string(round) + ".db");
        std::vector<pid_t> children;
        for (int i = 0; i < 4; ++i) {
            const pid_t child = fork();
            ASSERT_GE(child, 0);
            if (child == 0) {
                const auto made = sqlite_migrate(file);
                if (!made) fprintf(stderr, "%s\n", made.error().message.c_str());
                _exit(made ? 0 : 1);
            }
            children.push_back(child);
        }
        for (const pid_t child : children) {
            int status = 0;
            ASSERT_EQ(waitpid(child, &status, 0), child);
            ASSERT_TRUE(WIFEXITED(status));
            ASSERT_EQ(WEXITSTATUS(status), 0);
        }
    }
}

}  // namespace
}  // namespace pricewire::storage::faults_tests
