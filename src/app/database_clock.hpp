#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/stop_signal.hpp"

namespace pricewire::app {

// Since the machine was started. Unlike the monotonic clock it goes on while the machine sleeps. Any thread.
Duration since_boot();

// The time of the database that processes share, for what they must agree on: when prices and alerts were made, what is due,
// how long claims last, who lives. From its first answer on, time goes on by since_boot(), so that steps of the machine's own
// clock change nothing, and is set again when an answer contradicts it. Before that, and while the own clock is further off
// than is to be corrected, the own clock as it is. now() and mono() are thread-safe.
class DatabaseClock final : public Clock {
public:
    // The log tells of a clock that is off by more.
    static constexpr Duration least = std::chrono::milliseconds{250};
    // Nothing is corrected beyond: receivers accept a signature's time within five minutes, so the wrong one of two clocks,
    // be it the database's, must not move it by that much.
    static constexpr Duration most = std::chrono::minutes{2};

    // `own` outlives it.
    explicit DatabaseClock(const Clock& own, std::function<Duration()> since_boot = &app::since_boot)
        : own_(own), since_boot_(std::move(since_boot)) {}

    Timestamp now() const override;
    MonoTime mono() const override { return own_.mono(); }
    // Asks the database, whose answer is the time by its clock. Throws what `ask` throws. Called by one thread.
    void learn(const std::function<Timestamp()>& ask);

private:
    enum class Own : std::uint8_t { right, wrong, too_far };

    void judge(Duration ahead, Duration took);

    static constexpr Duration::rep unknown = std::numeric_limits<Duration::rep>::min();

    const Clock& own_;
    const std::function<Duration()> since_boot_;
    std::atomic<Duration::rep> zero_ = unknown;  // what time it was when since_boot() was zero
    // Of the thread that calls learn().
    Own own_is_ = Own::right;
    Duration told_{};  // how far the own clock is ahead, as the log said
};

// Tells a clock what time it is by the database, every two seconds, on a thread of its own. While the database is away the
// clock goes on.
class TimeAsker {
public:
    // Asks once before it returns, and throws what `ask` throws then. `clock` outlives it.
    TimeAsker(std::function<Timestamp()> ask, DatabaseClock& clock, Duration every = std::chrono::seconds{2});
    ~TimeAsker();
    TimeAsker(const TimeAsker&) = delete;
    TimeAsker& operator=(const TimeAsker&) = delete;

private:
    void run();

    const std::function<Timestamp()> ask_;
    DatabaseClock& clock_;
    const Duration every_;
    StopSignal stop_;
    std::thread thread_;
};

}  // namespace pricewire::app
