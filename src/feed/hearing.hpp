#pragma once

#include <algorithm>
#include <utility>

#include "base/clock.hpp"

namespace pricewire::feed {

// The longest pause between trades; it fades over the next few thousand.
class LongestPause {
public:
    void note(MonoTime::duration pause) { value_ = std::max(pause, value_ - value_ / 4096); }
    MonoTime::duration value() const { return value_; }

private:
    MonoTime::duration value_{};
};

// Whether one ticker of a stream has gone deaf: the connection lives, other sources trade the ticker, and
// this one does not. The clock alone cannot tell: a thin market may well be quiet for minutes. So it is deaf
// if it has been quiet for longer than a minute, and longer than is usual for it, while
//
//   five other sources traded it within the last minute, and its pause is three times its longest one; or
//   two did (few are enabled, or the ticker is rare), and it is nine times that.
//
// What is usual is known after some trades; before, it is taken from how often the others trade.
//
// A cure that has not helped is followed by the next one after twice the time, an hour at most. No clock. One
// thread.
class Hearing {
public:
    // A connection was opened: the silence before it does not count.
    void connected(MonoTime now) {
        heard_ = now;
        trades_ = 0;
        reset();
    }
    void traded(MonoTime now) {
        if (trades_ > 0) longest_.note(now - heard_);
        heard_ = now;
        if (trades_ < enough_trades) ++trades_;
        if (known_ < enough_trades) ++known_;
        if (quiet_) reset();
    }
    // `others`: how many other sources have traded it within the last minute, `others_pause`: how long they pause
    // between two trades. One judgement alone may come from a process that was stopped for a while, so it takes two.
    // To be called every few seconds.
    void judge(MonoTime now, int others, MonoTime::duration others_pause = {}) {
        const MonoTime::duration pause = now - heard_;
        unusual_ = std::max<MonoTime::duration>(least, 3 * longest_.value());
        if (known_ < enough_trades) unusual_ = std::max(unusual_, thin_market * others_pause);
        const bool is_quiet = (others >= many && pause >= unusual_) ||
                              (others >= some && trades_ >= enough_trades && pause >= 3 * unusual_);
        if (!is_quiet) return reset();
        deaf_ = std::exchange(quiet_, true);
        others_ = others;
    }

    bool is_deaf() const { return deaf_; }
    int others() const { return others_; }  // at the last judgement
    Duration silence(MonoTime now) const { return std::chrono::floor<Duration>(now - heard_); }

    bool wants_cure(MonoTime now) const { return deaf_ && now >= next_cure_; }
    // The cures tried since the last trade.
    int cures() const { return cures_; }
    void cured(MonoTime now) {
        ++cures_;
        next_cure_ = now + std::min<MonoTime::duration>(unusual_ * (1 << std::min(cures_, 6)), most);
    }

private:
    static constexpr Duration least = std::chrono::minutes{1};
    static constexpr Duration most = std::chrono::hours{1};
    static constexpr int many = 5;
    static constexpr int some = 2;
    static constexpr int enough_trades = 20;
    // A venue may well trade a coin that many times less often than others do.
    static constexpr int thin_market = 50;

    void reset() {
        quiet_ = deaf_ = false;
        cures_ = 0;
        next_cure_ = MonoTime::min();
    }

    MonoTime heard_;  // the last trade, or when the connection was opened
    LongestPause longest_;
    MonoTime::duration unusual_ = least;  // a pause of that length, by the last judgement
    int trades_ = 0;                      // on this connection, up to enough_trades
    int known_ = 0;                       // likewise on all connections
    bool quiet_ = false;                  // at the last judgement
    bool deaf_ = false;                   // at the last two
    int others_ = 0;
    int cures_ = 0;
    MonoTime next_cure_ = MonoTime::min();
};

}  // namespace pricewire::feed
