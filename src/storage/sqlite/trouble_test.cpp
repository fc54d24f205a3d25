// A database that does not do its work says so: its disk is full, its files are gone, damaged or another
// program's, or others may access them.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "fakes/log_capture.hpp"
#include "storage/open.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "storage/sqlite/temp_dir.hpp"
#include "storage/trouble_fixture.hpp"

namespace pricewire::storage::trouble_tests {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp now{std::chrono::seconds{1'700'000'000}};

class SqliteTroubleTest : public ::testing::Test {
protected:
    std::unique_ptr<Storage> open() const { return create_sqlite_storage({.file = file_}, {}); }
    static bool add_user(Storage& storage, const std::string& email) {
        const NewUser user{{make_uuid(now), email, true, now}, sha256(email), "whsec_x"};
        return storage.create_user(user).has_value();
    }
    static Uuid add_alert(Storage& storage, const std::string& email, int target) {
        Alert alert;
        alert.id = make_uuid(now);
        alert.user_id = storage.user_by_email(email).value().id;
        alert.ticker = "BTC";
        alert.target = Decimal::from_int(target);
        alert.webhook_url = "https://example.com/" + std::string(500, 'x');
        alert.created_at = now;
        EXPECT_TRUE(storage.create_alert(alert, 1'000'000));
        return alert.id;
    }
    static std::string refusal(const std::function<void()>& call) {
        try {
            call();
            return "";
        } catch (const StorageError& e) {
            return e.what();
        }
    }
    static std::string bytes_of(const std::filesystem::path& file) {
        std::ostringstream out;
        out << std::ifstream(file, std::ios::binary).rdbuf();
        return out.str();
    }
    static mode_t mode_of(const std::filesystem::path& file) {
        struct stat info{};
        EXPECT_EQ(stat(file.c_str(), &info), 0) << file;
        return info.st_mode & 07777;
    }
    std::filesystem::path beside(const char* suffix) const { return file_.string() + suffix; }
    // The result of `f` in a child process; -1 if that process died.
    template <typename F>
    static int in_child(F f) {
        const pid_t child = fork();
        if (child == 0) {
            try {
                _exit(f());
            } catch (const std::exception& e) {
                fprintf(stderr, "%s\n", e.what());
                _exit(99);
            }
        }
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    TempDir dir_;
    const std::filesystem::path file_ = dir_ / "pricewire.db";
};

TEST_F(SqliteTroubleTest, AFullDiskIsReportedUntilAWriteWorksAndNoFiringIsLost) {
    constexpr int no_mounts = 77;
    const int result = in_child([&] {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            mount("none", dir_.path().c_str(), "tmpfs", 0, "size=24m") != 0)
            return no_mounts;
        const auto storage = open();
        if (!add_user(*storage, "ann@example.com")) return 1;
        FiringGroup group{{"BTC", Decimal::from_int(1'000'000), now, 1}, now, {}};
        for (int i = 1; i <= 300; ++i)
            group.firings.push_back({add_alert(*storage, "ann@example.com", i), make_uuid(now)});
        storage->ping();
        const auto filler = dir_ / "filler";
        {
            std::ofstream out(filler, std::ios::binary);
            const std::string piece(4096, 'x');
            while (out.write(piece.data(), 4096).flush()) {
            }
        }
        const std::vector<FiringGroup> groups{group};
        if (trouble_of([&] { storage->fire(groups); }) != "cannot store anything: the disk is full") return 2;
        if (trouble_of([&] { storage->ping(); }) != "cannot store anything: the disk is full") return 3;
        if (trouble_of([&] { probe(*storage); }) != "cannot store anything: the disk is full") return 4;
        std::filesystem::remove(filler);
        if (storage->fire(groups).size() != 300) return 5;
        return trouble_of([&] { probe(*storage); }) == "none" ? 0 : 6;
    });
    if (result == no_mounts) GTEST_SKIP() << "this user may not mount a small disk";
    EXPECT_EQ(result, 0);
}

TEST_F(SqliteTroubleTest, ALimitOfFileSizeIsReportedAsSuch) {
    EXPECT_EQ(in_child([&] {
                  signal(SIGXFSZ, SIG_IGN);
                  const auto storage = open();
                  rlimit room{};
                  getrlimit(RLIMIT_FSIZE, &room);
                  rlimit none = room;
                  none.rlim_cur = std::filesystem::file_size(beside("-wal"));
                  setrlimit(RLIMIT_FSIZE, &none);
                  const std::string trouble = trouble_of([&] { add_user(*storage, "ann@example.com"); });
                  if (trouble != "cannot store anything: the file has reached the limit of its size")
                      return 1;
                  if (trouble_of([&] { storage->ping(); }) != trouble) return 2;
                  setrlimit(RLIMIT_FSIZE, &room);
                  if (!add_user(*storage, "ann@example.com")) return 3;
                  return trouble_of([&] { probe(*storage); }) == "none" ? 0 : 4;
              }),
              0);
}

TEST_F(SqliteTroubleTest, DamageThatAnyCallMeetsIsReported) {
    {
        const auto storage = open();
        add_user(*storage, "ann@example.com");
        for (int i = 1; i <= 200; ++i) add_alert(*storage, "ann@example.com", i);
    }
    {
        std::fstream out(file_, std::ios::in | std::ios::out | std::ios::binary);
        const auto size = static_cast<std::streamoff>(std::filesystem::file_size(file_));
        const std::string garbage(4096, '\x5a');
        for (std::streamoff at = size / 2 / 4096 * 4096; at < size; at += 4096)
            out.seekp(at).write(garbage.data(), 4096);
    }
    const auto storage = open();
    EXPECT_EQ(trouble_of([&] { storage->ping(); }), "none");
    EXPECT_EQ(trouble_of([&] { storage->load_active_alerts([](auto) {}); }), "the database is damaged");
    EXPECT_EQ(trouble_of([&] { storage->ping(); }), "the database is damaged");
}

TEST_F(SqliteTroubleTest, AMissingTableIsReported) {
    const auto storage = open();
    SQLite::Database shell(file_.string(), SQLite::OPEN_READWRITE);
    shell.setBusyTimeout(10'000);
    shell.exec("ALTER TABLE users RENAME TO elsewhere");
    const std::string altered = "its tables were changed or removed";
    EXPECT_EQ(trouble_of([&] { add_user(*storage, "ann@example.com"); }), altered);
    EXPECT_EQ(trouble_of([&] { storage->ping(); }), altered) << "the probe's own table is there";
    shell.exec("ALTER TABLE elsewhere RENAME TO users");
    EXPECT_TRUE(add_user(*storage, "ann@example.com"));
    EXPECT_EQ(trouble_of([&] { storage->ping(); }), "none");
}

// Each way in which the files can go, and the way back if there is one.
struct Loss {
    const char* name;
    std::function<void(const std::filesystem::path& database)> take;
    std::function<void(const std::filesystem::path& database)> put_back;
};

void replace(const std::filesystem::path& file) {
    std::filesystem::copy(file, file.string() + ".copy");
    std::filesystem::rename(file.string() + ".copy", file);
}
Loss moved(const char* name, const char* suffix) {
    return {name,
            [suffix](const auto& db) {
                std::filesystem::rename(db.string() + suffix, db.string() + ".elsewhere");
            },
            [suffix](const auto& db) {
                std::filesystem::rename(db.string() + ".elsewhere", db.string() + suffix);
            }};
}

class SqliteLossTest : public SqliteTroubleTest, public testing::WithParamInterface<Loss> {};

INSTANTIATE_TEST_SUITE_P(
    Ways, SqliteLossTest,
    testing::Values(
        moved("FileMoved", ""), moved("LogMoved", "-wal"), moved("IndexMoved", "-shm"),
        Loss{"DirectoryMoved",
             [](const auto& db) {
                 std::filesystem::rename(db.parent_path(), db.parent_path().string() + ".elsewhere");
             },
             [](const auto& db) {
                 std::filesystem::rename(db.parent_path().string() + ".elsewhere", db.parent_path());
             }},
        Loss{"FileDeleted", [](const auto& db) { std::filesystem::remove(db); }, {}},
        Loss{"LogDeleted", [](const auto& db) { std::filesystem::remove(db.string() + "-wal"); }, {}},
        Loss{"FileReplaced", [](const auto& db) { replace(db); }, {}},
        Loss{"LogReplaced", [](const auto& db) { replace(db.string() + "-wal"); }, {}},
        Loss{"AllDeleted",
             [](const auto& db) {
                 for (const char* suffix : {"", "-wal", "-shm"})
                     std::filesystem::remove(db.string() + suffix);
             },
             {}},
        Loss{"FileEmptied", [](const auto& db) { std::filesystem::resize_file(db, 0); }, {}},
        Loss{"LogEmptied", [](const auto& db) { std::filesystem::resize_file(db.string() + "-wal", 0); }, {}},
        Loss{"LogTruncated",
             [](const auto& db) {
                 const std::string log = db.string() + "-wal";
                 std::filesystem::resize_file(log, std::filesystem::file_size(log) / 2);
             },
             {}}),
    [](const auto& test) { return test.param.name; });

TEST_P(SqliteLossTest, NothingIsAcceptedThatWouldBeLostWithTheProcess) {
    const std::string gone = "its files were deleted, moved or replaced";
    const auto storage = open();
    ASSERT_TRUE(add_user(*storage, "ann@example.com"));
    GetParam().take(file_);
    EXPECT_EQ(trouble_of([&] { add_user(*storage, "bob@example.com"); }), gone);
    EXPECT_EQ(trouble_of([&] { storage->ping(); }), gone);
    const bool still_there = std::filesystem::exists(file_);
    EXPECT_EQ(trouble_of([&] { probe(*storage); }), gone);
    EXPECT_EQ(std::filesystem::exists(file_), still_there) << "a new database must not be made silently";
    if (!GetParam().put_back) return;
    GetParam().put_back(file_);
    EXPECT_TRUE(add_user(*storage, "bob@example.com"));
    EXPECT_EQ(trouble_of([&] { probe(*storage); }), "none");
}

TEST_F(SqliteTroubleTest, NothingIsAcceptedOnceTheFileIsTruncated) {
    const auto storage = open();
    ASSERT_TRUE(add_user(*storage, "ann@example.com"));
    std::filesystem::resize_file(file_, 4096);
    for (const char* other : {"bob@example.com", "cid@example.com"}) {
        EXPECT_EQ(trouble_of([&] { add_user(*storage, other); }),
                  "its files were deleted, moved or replaced");
    }
    EXPECT_NE(trouble_of([&] { probe(*storage); }), "none");
}

TEST_F(SqliteTroubleTest, AnotherProgramMayMakeTheFilesShorter) {
    const auto storage = open();
    ASSERT_TRUE(add_user(*storage, "ann@example.com"));
    for (int i = 1; i <= 100; ++i) add_alert(*storage, "ann@example.com", i);
    SQLite::Database shell(file_.string(), SQLite::OPEN_READWRITE);
    shell.setBusyTimeout(10'000);
    shell.exec("DELETE FROM alerts");
    shell.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    ASSERT_EQ(std::filesystem::file_size(beside("-wal")), 0u);
    EXPECT_TRUE(add_user(*storage, "bob@example.com"));
    const auto before = std::filesystem::file_size(file_);
    shell.exec("VACUUM");
    shell.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    ASSERT_LT(std::filesystem::file_size(file_), before);
    EXPECT_TRUE(add_user(*storage, "cid@example.com"));
    EXPECT_EQ(trouble_of([&] { probe(*storage); }), "none");
}

TEST_F(SqliteTroubleTest, TheFilesBesideALinksTargetAreWatched) {
    std::filesystem::create_directory(dir_ / "disk");
    const auto target = dir_ / "disk" / "real.db";
    std::filesystem::create_symlink(target, file_);
    const auto storage = open();
    ASSERT_TRUE(add_user(*storage, "ann@example.com"));
    std::filesystem::remove(target.string() + "-wal");
    EXPECT_EQ(trouble_of([&] { add_user(*storage, "bob@example.com"); }),
              "its files were deleted, moved or replaced");
}

TEST_F(SqliteTroubleTest, ALossIsNoticedByPingsAloneAndNamesTheFileInTheLog) {
    fakes::LogCapture log;
    const auto storage = open();
    storage->ping();
    std::filesystem::remove(file_);
    EXPECT_EQ(trouble_of([&] { probe(*storage); }), "its files were deleted, moved or replaced");
    EXPECT_EQ(log.count("error the database does not work"), 1u);
    EXPECT_EQ(log.count(file_.string() + " was deleted or moved while it was open"), 1u);
}

TEST_F(SqliteTroubleTest, FilesThatOthersMayAccessAreClosedToThem) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
        SCOPED_TRACE(suffix);
        {
            // A crash leaves the log behind.
            const pid_t child = fork();
            if (child == 0) {
                const auto storage = open();
                // This thread's random generator was copied with the process.
                std::thread([&] { add_user(*storage, std::string("ann") + suffix + "@example.com"); }).join();
                _exit(0);
            }
            int status = 0;
            ASSERT_EQ(waitpid(child, &status, 0), child);
        }
        ASSERT_EQ(chmod(beside(suffix).c_str(), 0644), 0);
        fakes::LogCapture log;
        const auto storage = open();
        EXPECT_TRUE(storage->user_by_email(std::string("ann") + suffix + "@example.com"));
        for (const char* each : {"", "-wal", "-shm"}) EXPECT_EQ(mode_of(beside(each)), 0600u) << each;
        EXPECT_EQ(log.count("file=" + beside(suffix).string() + " mode_before=0644"), 1u);
    }
}

TEST_F(SqliteTroubleTest, AnotherUsersFileThatOthersMayAccessIsRefused) {
    if (geteuid() != 0) GTEST_SKIP() << "needs a second user";
    {
        open();
    }
    chmod(dir_.path().c_str(), 0777);
    chmod(file_.c_str(), 0666);
    EXPECT_EQ(in_child([&] {
                  if (setuid(65534) != 0) return 1;
                  const std::string why = refusal([&] { open(); });
                  return why.find("run chmod 600 " + file_.string()) != std::string::npos ? 0 : 2;
              }),
              0);
    EXPECT_EQ(mode_of(file_), 0666u);
}

TEST_F(SqliteTroubleTest, ADirectoryThatOthersMayWriteIsNamed) {
    chmod(dir_.path().c_str(), 0777);
    fakes::LogCapture log;
    open();
    EXPECT_EQ(log.count("warn other users can replace the database"), 2u) << "for migrating and for opening";
}

TEST_F(SqliteTroubleTest, AnotherApplicationsFileIsLeftAsItIs) {
    const struct {
        const char* name;
        const char* sql;
        const char* named;
    } applications[] = {
        {"the predecessor",
         "CREATE TABLE alembic_version (v); CREATE TABLE users (id); CREATE TABLE alerts (id)",
         "alembic_version, alerts, users"},
        {"a table of one of our names", "CREATE TABLE users (id)", "users"},
        {"none of our names", "CREATE TABLE invoices (id)", "invoices"},
        {"migrations of another kind", "CREATE TABLE schema_migrations (version); CREATE TABLE bars (x)",
         "bars, schema_migrations"},
    };
    for (const auto& application : applications) {
        SCOPED_TRACE(application.name);
        std::filesystem::remove(file_);
        {
            SQLite::Database db(file_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
            db.exec(application.sql);
        }
        chmod(file_.c_str(), 0644);
        const std::string before = bytes_of(file_);
        const std::string url = "sqlite:" + file_.string();
        const std::string why = refusal([&] { storage::open(url, {}, {}); });
        EXPECT_NE(why.find("belongs to another application (it has " + std::string(application.named) + ")"),
                  std::string::npos)
            << why;
        EXPECT_FALSE(migrate(url));
        EXPECT_FALSE(migration_states(url));
        EXPECT_EQ(bytes_of(file_), before);
        EXPECT_EQ(mode_of(file_), 0644u);
        EXPECT_FALSE(std::filesystem::exists(beside("-wal")));
    }
}

TEST_F(SqliteTroubleTest, AFileThatIsNoDatabaseIsLeftAsItIs) {
    std::ofstream(file_) << std::string(5000, 'x');
    const std::string before = bytes_of(file_);
    EXPECT_NE(refusal([&] { open(); }).find("file is not a database"), std::string::npos);
    EXPECT_EQ(bytes_of(file_), before);
}

}  // namespace
}  // namespace pricewire::storage::trouble_tests
