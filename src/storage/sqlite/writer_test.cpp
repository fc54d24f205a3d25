#include "storage/sqlite/writer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "storage/sqlite/temp_dir.hpp"
#include "support/eventually.hpp"

namespace pricewire::storage::sqlite {
namespace {

using namespace std::chrono_literals;

class WriterTest : public ::testing::Test {
protected:
    WriterTest() {
        writer_.run(Durability::process,
                    [](Connection& db) { db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)"); });
    }
    // Keeps the writer busy until `let` is called, so that calls in the meantime form one group.
    void block() {
        blocker_ = std::thread([this] {
            writer_.run(Durability::process, [this](Connection&) {
                entered_.set_value();
                let_.get_future().wait();
            });
        });
        entered_.get_future().wait();
    }
    void let() {
        let_.set_value();
        blocker_.join();
    }
    std::int64_t count() {
        return writer_.run(Durability::process, [](Connection& db) {
            return db.database().execAndGet("SELECT count(*) FROM t").getInt64();
        });
    }
    void insert(int n, bool then_fail = false) {
        writer_.run(Durability::power, [=](Connection& db) {
            db.execute(("INSERT INTO t VALUES (" + std::to_string(n) + ")").c_str());
            db.notify({UserChange{}});
            if (then_fail) throw std::runtime_error("the call's own");
        });
    }

    std::uintmax_t in_file() const { return std::filesystem::file_size(dir_ / "t.db"); }
    std::uintmax_t in_log() const { return std::filesystem::file_size(dir_ / "t.db-wal"); }
    // Writes that many bytes into the log, and notes how long it and the file are right after the commit.
    void write(std::uintmax_t bytes) {
        writer_.run(Durability::process, [=](Connection& db) {
            db.execute("CREATE TABLE IF NOT EXISTS large (bytes BLOB)");
            db.execute(("INSERT INTO large VALUES (zeroblob(" + std::to_string(bytes) + "))").c_str());
            db.notify({UserChange{}});
        });
    }

    TempDir dir_;
    std::atomic<int> events_ = 0;
    std::atomic<std::uintmax_t> file_at_event_ = 0, log_at_event_ = 0;
    Writer writer_{std::make_unique<Connection>(dir_ / "t.db", Connection::Mode::write, 5s),
                   {.alert_changed = {}, .user_changed = [this](auto) {
                        ++events_;
                        file_at_event_ = in_file();
                        log_at_event_ = in_log();
                    }}};
    std::promise<void> entered_, let_;
    std::thread blocker_;
};

TEST_F(WriterTest, ReturnsTheResultOfTheCall) {
    EXPECT_EQ(writer_.run(Durability::power, [](Connection&) { return std::string("answer"); }), "answer");
}

TEST_F(WriterTest, OfSeveralCallsAtOnceEachHasItsOwnError) {
    const auto call = [](int n, bool then_fail = false) {
        return [=](Connection& db) {
            db.execute(("INSERT INTO t VALUES (" + std::to_string(n) + ")").c_str());
            db.notify({UserChange{}});
            if (then_fail) throw std::runtime_error("the call's own");
        };
    };
    const auto errors = writer_.run_each(Durability::power, {call(1), call(2, true), call(1), call(3)});
    ASSERT_EQ(errors.size(), 4U);
    EXPECT_FALSE(errors[0]);
    EXPECT_THROW(std::rethrow_exception(errors[1]), std::runtime_error);
    EXPECT_THROW(std::rethrow_exception(errors[2]), StorageError) << "the row is there";
    EXPECT_FALSE(errors[3]);
    EXPECT_EQ(count(), 2);
    EXPECT_EQ(events_, 2);
    EXPECT_TRUE(writer_.run_each(Durability::power, {}).empty());
}

TEST_F(WriterTest, RaisesEventsBeforeItReturns) {
    insert(1);
    EXPECT_EQ(events_, 1);
}

TEST_F(WriterTest, AFailedCallDoesNotAffectItsGroup) {
    insert(3);
    events_ = 0;
    block();
    std::atomic<int> ok = 0;
    std::atomic<int> own = 0;
    std::atomic<int> storage_errors = 0;
    std::vector<std::thread> threads;
    for (int n = 0; n < 9; ++n) {
        threads.emplace_back([&, n] {
            try {
                insert(n, n % 4 == 1);  // 3 is there already, 1 and 5 throw after they have written
                ++ok;
            } catch (const StorageError&) {
                ++storage_errors;
            } catch (const std::runtime_error&) {
                ++own;
            }
        });
    }
    let();
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(ok, 6);
    EXPECT_EQ(own, 2);
    EXPECT_EQ(storage_errors, 1);
    EXPECT_EQ(count(), 7);
    EXPECT_EQ(events_, 6);
}

TEST_F(WriterTest, AFailedCommitFailsEveryCallOfItsGroupAndTheNextWorks) {
    writer_.run(Durability::process, [](Connection& db) {
        db.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)");
        db.execute("CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)");
    });
    sqlite::Connection* connection = nullptr;
    block();
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n) {
        threads.emplace_back([&, n] {
            try {
                insert(n);
            } catch (const StorageError&) {
                ++failed;
            }
        });
    }
    threads.emplace_back([&] {
        try {
            writer_.run(Durability::process, [&](Connection& db) {
                connection = &db;
                db.execute("ROLLBACK");  // as SQLite does itself where the disk is full
            });
        } catch (const StorageError&) {
            ++failed;
        }
    });
    let();
    for (std::thread& t : threads) t.join();
    EXPECT_NE(connection, nullptr);
    EXPECT_GE(failed, 1);
    const std::int64_t kept = count();
    EXPECT_EQ(kept, 5 - failed);  // what was reported as written is there, and nothing else
    insert(100);
    EXPECT_EQ(count(), kept + 1);
}

// Checkpoints

constexpr std::uintmax_t mb = 1 << 20;

TEST_F(WriterTest, ALongLogIsCheckpointedWhenNobodyWritesAndNotInTheCommit) {
    write(20 * mb);
    EXPECT_GT(log_at_event_, 20 * mb);
    EXPECT_LT(file_at_event_, mb) << "those that wait for the commit do not wait for a checkpoint";
    EXPECT_TRUE(test::eventually([&] { return in_file() > 20 * mb; }));
}

TEST_F(WriterTest, AShortLogIsNotCheckpointed) {
    write(10 * mb);
    write(10 * mb);
    EXPECT_LT(file_at_event_, mb) << "after the first";
    EXPECT_TRUE(test::eventually([&] { return in_file() > 20 * mb; }));
}

TEST_F(WriterTest, TheLongestLogIsCheckpointedBeforeAnythingElseIsWritten) {
    write(64 * mb);
    EXPECT_LT(file_at_event_, mb);
    std::uintmax_t seen = 0;
    writer_.run(Durability::process, [&](Connection&) { seen = in_file(); });
    EXPECT_GT(seen, 64 * mb);
}

TEST_F(WriterTest, TheLogStaysBoundedHoweverMuchIsWrittenAtOnce) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 5; ++i) write(8 * mb);
        });
    }
    for (std::thread& t : threads) t.join();
    // 64 MB, and three calls of one commit.
    EXPECT_LT(in_log(), 64 * mb + 3 * 8 * mb + 2 * mb);
    EXPECT_GT(in_file(), 24 * mb);
}

// Zeros are appended to the log while this process and another write into it.
TEST(PreparedLog, HoldsWhatIsWrittenMeanwhileAndLater) {
    const TempDir dir;
    const auto file = dir / "t.db", copy = dir / "copy.db";
    const auto beside = [](const std::filesystem::path& database) { return database.string() + "-wal"; };
    if (std::filesystem::space(file.parent_path()).available < 2048 * mb) GTEST_SKIP() << "the disk is full";
    Connection other(file, Connection::Mode::write, 5s);
    other.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)");
    Writer writer(std::make_unique<Connection>(file, Connection::Mode::write, 5s), {}, true);
    int rows = 0;
    const auto insert = [&] {
        const std::string sql = "INSERT INTO t VALUES (" + std::to_string(++rows) + ")";
        if (rows % 2 == 0) return other.execute(sql.c_str());
        writer.run(Durability::power, [&](Connection& db) { db.execute(sql.c_str()); });
    };
    EXPECT_TRUE(test::eventually([&] {
        insert();
        return std::filesystem::file_size(beside(file)) > 16'400'000;
    }));
    const auto prepared = std::filesystem::file_size(beside(file));
    for (int i = 0; i < 10; ++i) insert();
    EXPECT_EQ(std::filesystem::file_size(beside(file)), prepared) << "a commit does not make it longer";
    // As another process finds it after a crash.
    std::filesystem::copy_file(file, copy);
    std::filesystem::copy_file(beside(file), beside(copy));
    Connection found(copy, Connection::Mode::write, 5s);
    EXPECT_EQ(found.database().execAndGet("SELECT count(*) FROM t").getInt64(), rows);
    EXPECT_EQ(found.database().execAndGet("PRAGMA integrity_check").getString(), "ok");
}

}  // namespace
}  // namespace pricewire::storage::sqlite
