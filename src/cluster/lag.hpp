#pragma once

#include <chrono>
#include <optional>

#include "base/clock.hpp"

namespace pricewire::cluster {

// Whether a member lags behind the others with what all of them read, by the times up to which each has read it. One that is
// slow, or that alone is cut off from where it is read, must not keep its share. Pure; one thread.
//
// what is known                                                  lags
// -------------------------------------------------------------  ------------------------------------------------------
// there are no others, or none of them has read any more         no: nobody is to be taken for dead because of what all
// for `still_after`                                              lack
// it is within `longest` of the one that is furthest             no
// otherwise                                                      yes; after `excused` its lease is not to be renewed, until
//                                                                it is near enough if the others have gone on meanwhile, or
//                                                                `again_after` has passed, since they may not have
class Lag {
public:
    static constexpr Duration longest = std::chrono::seconds{10};
    static constexpr Duration still_after = std::chrono::seconds{5};
    static constexpr Duration excused = std::chrono::seconds{5};
    static constexpr Duration again_after = std::chrono::seconds{30};

    // How far the furthest of the others is; nullopt: there are none, or nothing follows from a lag.
    void on_others(std::optional<Timestamp> furthest, MonoTime now) {
        if (furthest && (!furthest_ || *furthest > *furthest_)) risen_at_ = now;
        furthest_ = furthest;
    }

    bool lags(std::optional<Timestamp> own, MonoTime now) const {
        if (!furthest_) return false;
        const auto since = std::chrono::duration_cast<Duration>(now - risen_at_);
        if (!out_since_ && since >= still_after) return false;
        return !own || *own < *furthest_ + (out_since_ ? since : Duration::zero()) - longest;
    }

    // Before each renewal. `waits`: for others, whose slowness is not its own.
    bool may_renew(std::optional<Timestamp> own, bool waits, MonoTime now) {
        const bool is_due = out_since_ && now - *out_since_ >= again_after;
        if (is_due || waits || !lags(own, now)) {
            if (is_due) furthest_.reset();
            lags_since_.reset();
            out_since_.reset();
            return true;
        }
        lags_since_ = lags_since_.value_or(now);
        if (now - *lags_since_ >= excused) out_since_ = out_since_.value_or(now);
        return !out_since_;
    }

private:
    std::optional<Timestamp> furthest_;
    MonoTime risen_at_{};
    std::optional<MonoTime> lags_since_;
    std::optional<MonoTime> out_since_;  // its lease is not renewed
};

}  // namespace pricewire::cluster
