#pragma once

#include <atomic>
#include <thread>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "storage/members.hpp"

namespace pricewire::app {

// The time of the database that processes share, for what they must agree on: what is due, how long claims last, who lives. A
// clock that is off is corrected by what the database says every two seconds: by nothing within a quarter of a second,
// which hosts may differ by, and by nothing beyond five minutes, since that is no host to rely on. Thread-safe.
class DatabaseClock final : public Clock {
public:
    static constexpr Duration least = std::chrono::milliseconds{250};
    static constexpr Duration most = std::chrono::minutes{5};

    // Asks once before it returns. `database` and `own` outlive it. Null: the own clock as it is.
    DatabaseClock(storage::Members* database, const Clock& own);
    ~DatabaseClock() override;
    DatabaseClock(const DatabaseClock&) = delete;
    DatabaseClock& operator=(const DatabaseClock&) = delete;

    Timestamp now() const override { return own_.now() + Duration{behind_.load()}; }
    MonoTime mono() const override { return own_.mono(); }

private:
    void run();
    bool measure();
    void correct(Duration behind);

    storage::Members* const database_;
    const Clock& own_;
    std::atomic<Duration::rep> behind_ = 0;  // of the database
    // Used by the thread only, once it runs.
    bool too_far_ = false;
    Duration told_{};
    Mutex mutex_;
    CondVar woken_;
    bool is_stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace pricewire::app
