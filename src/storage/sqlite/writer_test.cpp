#include "storage/sqlite/writer.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "storage/sqlite/temp_dir.hpp"

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

    TempDir dir_;
    std::atomic<int> events_ = 0;
    Writer writer_{std::make_unique<Connection>(dir_ / "t.db", Connection::Mode::write, 5s),
                   {.alert_changed = {}, .user_changed = [this](auto) { ++events_; }}};
    std::promise<void> entered_, let_;
    std::thread blocker_;
};

TEST_F(WriterTest, ReturnsTheResultOfTheCall) {
    EXPECT_EQ(writer_.run(Durability::power, [](Connection&) { return std::string("answer"); }), "answer");
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

}  // namespace
}  // namespace pricewire::storage::sqlite
