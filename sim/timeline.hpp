#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "sim/tape.hpp"

namespace pricewire::sim {

// When the trades of a tape are due, at a speed that may change and with pauses. Single-threaded.
class Timeline {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // `speed` is relative to the tape's own; 0: as fast as it is read.
    Timeline(std::unique_ptr<Tape> tape, double speed, bool paused)
        : tape_(std::move(tape)), speed_(speed), paused_(paused) {}

    void set_tape(std::unique_ptr<Tape> tape);
    void set_speed(double speed);
    void set_paused(bool paused);
    // Time until the next call of take() is not tape time.
    void hold() { counts_from_here_ = true; }

    double speed() const { return speed_; }
    bool paused() const { return paused_; }
    // The tape has ended.
    bool finished() const { return finished_; }

    // The next trade, if it is due.
    std::optional<TapeTrade> take(TimePoint now);
    // When it is, after take() gave none; nullopt while paused and at the end.
    std::optional<TimePoint> due() const;
    // Lets `time` pass at once: the trades that are due within it are taken next.
    void skip(TimePoint now, TimePoint::duration time);
    // When the trade that take() gave last was due.
    TimePoint was_due() const { return was_due_; }

private:
    TimePoint::duration scaled(Duration at) const;

    std::unique_ptr<Tape> tape_;
    double speed_;
    bool paused_;
    bool finished_ = false;
    bool counts_from_here_ = true;
    TimePoint origin_;
    TimePoint was_due_;
    std::optional<TapeTrade> pending_;
};

}  // namespace pricewire::sim
