#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <thread>

#include "base/clock.hpp"
#include "base/stop_signal.hpp"

namespace pricewire::app {

// The time of the database that processes share, for what they must agree on: what is due, how long claims last, who lives.
// From its first answer on, time goes on by the monotonic clock, so that steps of the machine's own change nothing, and is
// set anew when an answer contradicts it. Before that, and while the own clock is further off than is to be corrected, the
// own clock as it is. now() and mono() are thread-safe.
class DatabaseClock final : public Clock {
public:
    // The log tells of a clock that is off by more.
    static constexpr Duration least = std::chrono::milliseconds{250};
    // Nothing is corrected beyond: receivers accept a signature's time within five minutes, so the wrong one of two clocks,
    // be it the database's, must not move it by that much.
    static constexpr Duration most = std::chrono::minutes{2};

    // `own` outlives it.
    explicit DatabaseClock(const Clock& own) : own_(own) {}

    Timestamp now() const override;
    MonoTime mono() const override { return own_.mono(); }
    // The database was asked then and has just answered. Called by one thread.
    void learn(Timestamp answer, MonoTime asked);

private:
    enum class Own : std::uint8_t { right, wrong, too_far };

    void judge(Duration ahead, Duration took);

    static constexpr Duration::rep unknown = std::numeric_limits<Duration::rep>::min();

    const Clock& own_;
    std::atomic<Duration::rep> zero_ = unknown;  // what time it was when the monotonic clock was zero
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
    void measure();

    const std::function<Timestamp()> ask_;
    DatabaseClock& clock_;
    const Duration every_;
    StopSignal stop_;
    std::thread thread_;
};

}  // namespace pricewire::app
