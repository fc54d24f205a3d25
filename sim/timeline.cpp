#include "sim/timeline.hpp"

#include <stdexcept>

#include "base/log.hpp"

namespace pricewire::sim {
namespace {

std::optional<TapeTrade> read(Tape* tape) {
    if (tape == nullptr) return std::nullopt;
    try {
        return tape->next();
    } catch (const std::runtime_error& e) {
        log::error("the tape is damaged; it ends here", {{"reason", e.what()}});
        return std::nullopt;
    }
}

}  // namespace

void Timeline::set_tape(std::unique_ptr<Tape> tape) {
    tape_ = std::move(tape);
    pending_.reset();
    finished_ = false;
    hold();
}

void Timeline::set_speed(double speed) {
    speed_ = speed;
    hold();
}

void Timeline::set_paused(bool paused) {
    paused_ = paused;
    hold();
}

Timeline::TimePoint::duration Timeline::scaled(Duration at) const {
    using namespace std::chrono;
    return duration_cast<TimePoint::duration>(
        duration<double, std::micro>(static_cast<double>(at.count()) / speed_));
}

std::optional<TapeTrade> Timeline::take(TimePoint now) {
    if (paused_ || finished_) return std::nullopt;
    if (!pending_) pending_ = read(tape_.get());
    if (!pending_) {
        finished_ = true;
        return std::nullopt;
    }
    was_due_ = now;
    if (speed_ > 0) {
        if (std::exchange(counts_from_here_, false)) origin_ = now - scaled(pending_->at);
        was_due_ = origin_ + scaled(pending_->at);
        if (now < was_due_) return std::nullopt;
    }
    return std::exchange(pending_, std::nullopt);
}

void Timeline::skip(TimePoint now, TimePoint::duration time) {
    if (!pending_) pending_ = read(tape_.get());
    if (pending_ && speed_ > 0 && std::exchange(counts_from_here_, false))
        origin_ = now - scaled(pending_->at);
    origin_ -= time;
}

std::optional<Timeline::TimePoint> Timeline::due() const {
    if (paused_ || !pending_ || speed_ <= 0) return std::nullopt;
    return origin_ + scaled(pending_->at);
}

}  // namespace pricewire::sim
