#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

namespace pricewire::feed {

// What the sessions of one source share: whose turn it is to connect and to ask, because a venue limits an address, not
// a connection, and what was said in the log. A turn is used at the time that is returned, which is now or later. One
// thread.
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

    // False: another session has said the same in the last minute. Many connections often have one cause.
    bool may_say(std::string_view key, MonoTime now) {
        std::erase_if(said_, [&](const auto& s) { return now - s.second >= std::chrono::minutes{1}; });
        if (std::ranges::find(said_, key, [](const auto& s) { return std::string_view(s.first); }) !=
            said_.end())
            return false;
        said_.emplace_back(key, now);
        return true;
    }

private:
    static constexpr Duration apart = std::chrono::seconds{4};
    static constexpr int some = 4;

    MonoTime connections_ = MonoTime::min();
    MonoTime last_request_ = MonoTime::min();
    MonoTime resting_until_ = MonoTime::min();
    std::vector<std::pair<std::string, MonoTime>> said_;
};

}  // namespace pricewire::feed
