#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "feed/traded_elsewhere.hpp"

namespace pricewire::feed {

// At most one planned renewal of a connection a minute, so that the venues are not all renewed at the same
// moment. One thread.
class RenewalTurns {
public:
    bool take(MonoTime now) {
        if (now < next_) return false;
        next_ = now + apart;
        return true;
    }
    // When the next one may be.
    MonoTime next() const { return next_; }

private:
    static constexpr Duration apart = std::chrono::minutes{1};
    MonoTime next_ = MonoTime::min();
};

// What the sessions of one feed share.
struct Neighbours {
    TradedElsewhere traded;
    RenewalTurns renewals;
    // About a clock that is wrong, which all venues notice at once.
    log::AtMostEvery clock_lines{std::chrono::hours{1}};
};

}  // namespace pricewire::feed
