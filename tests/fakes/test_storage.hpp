#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "storage/sqlite/store.hpp"

namespace pricewire::fakes {

// The faults of a TestStorage, and its directory, which is removed with it.
class TestPlace {
protected:
    TestPlace();
    ~TestPlace();
    TestPlace(const TestPlace&) = delete;
    TestPlace& operator=(const TestPlace&) = delete;

    std::filesystem::path file() const { return directory_ / "test.db"; }
    storage::StorageEvents with_faults(storage::StorageEvents events);
    void around(std::string_view method, const std::function<void()>& call);
    void changed();

    const std::filesystem::path directory_;
    Mutex mutex_;
    CondVar changed_;
    std::uint64_t changes_ GUARDED_BY(mutex_) = 0;
    std::optional<storage::StorageError> failure_ GUARDED_BY(mutex_);
    struct LostAnswers {
        int count = 0;
        int before = 0;
    };
    std::map<std::string, LostAnswers, std::less<>> lost_answers_ GUARDED_BY(mutex_);  // by method
    std::string failing_method_ GUARDED_BY(mutex_);
    std::map<std::string, int, std::less<>> calls_ GUARDED_BY(mutex_);
};

// SQLite storage on a file in memory, for tests, that fails on request. Thread-safe.
class TestStorage : private TestPlace, public storage::sqlite::Store {
public:
    explicit TestStorage(storage::StorageEvents events = {});

    // Every call throws StorageError until heal().
    void fail(std::string reason = "the database is away",
              storage::Trouble trouble = storage::Trouble::unreachable);
    void heal();
    // After `before` more calls of this method, `count` are committed and then throw, as if the answer had been lost.
    void lose_answers_of(std::string method, int count, int before = 0);
    // Calls of this method throw StorageError.
    void fail_calls_of(std::string method);

    // Waits until `holds` is true, checking it again after every call of this storage. False after 30 s.
    bool wait_until(const std::function<bool()>& holds);

    // Creates alerts like this one on BTC, each with a new target, and returns the group that fires them when
    // they are created, each with a new delivery. "{}" in the URL becomes a number, one of `urls`.
    FiringGroup add_alerts(int count, const Alert& like, int urls = 1'000'000);

    // These look at the database, and work while calls fail.
    std::size_t count(DeliveryState state);
    // Of all users, oldest first.
    std::vector<DeliveryView> all_deliveries();
    // How often a method was called, including failures: "fire", "claim", "claim_due", "next_due", "record",
    // "release_claims", and so on.
    int calls(const std::string& method);
    // Writes a word that no version knows into the column of a row, as a newer version might.
    void write_unknown(const char* table, const char* column, const Uuid& id);

private:
    std::atomic<int> targets_ = 0;
    Mutex look_mutex_;
    storage::sqlite::Connection look_ GUARDED_BY(look_mutex_);
};

}  // namespace pricewire::fakes
