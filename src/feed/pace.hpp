#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace pricewire::feed {

// What the sessions of one source share, because a venue limits an address, not a connection: whose turn it is to
// connect and to ask. Who takes a turn uses it at the moment that it is given, which is not before now. One thread.
class Pace {
public:
    // A connection may be opened: some at once, then one in a while. Bitfinex takes 20 a minute.
    MonoTime connect(MonoTime now) {
        connections_ = std::max(connections_, now) + apart;
        return std::max(now, connections_ - some * apart);
    }
    // A REST request may be sent, `gap` after the one before it.
    MonoTime ask(MonoTime now, Duration gap) {
        last_request_ = std::max({now, last_request_ + gap, resting_until_});
        return last_request_;
    }
    // The venue wants no requests until then.
    void rest(MonoTime until) { resting_until_ = std::max(resting_until_, until); }

private:
    static constexpr Duration apart = std::chrono::seconds{4};
    static constexpr int some = 4;

    MonoTime connections_ = MonoTime::min();
    MonoTime last_request_ = MonoTime::min();
    MonoTime resting_until_ = MonoTime::min();
};

}  // namespace pricewire::feed
