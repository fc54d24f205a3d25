#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/clock.hpp"

namespace pricewire::deliver {

// Among how many senders each endpoint's window is divided, so that all of them together never have more attempts under
// way there than one alone may have, and one more for each that is joining. Pure. One thread.
//
// Others learn of a sender that joins with their next check; one that has not checked for as long as a report is valid
// counts as dead and starts nothing, and what it had under way has ended within the time-out after that. Until then
// the one that joins has at most one attempt under way to each endpoint: that is the one more. It is not none, since it is
// told of deliveries that nobody else would begin so soon. The part of a sender that has gone is divided once what it may
// have had under way has ended.
class WindowShare {
public:
    // `alive_for` is how long a report is valid, `timeout` the longest that an attempt may take.
    WindowShare(Duration alive_for, Duration timeout) : alive_for_(alive_for), timeout_(timeout) {}

    // This sender reports to be alive, for the first time or again after it has been dead; counted() follows.
    void joined() { is_new_ = true; }
    // So many senders are alive, this one included.
    void counted(std::size_t senders, MonoTime now) {
        if (std::exchange(is_new_, false) && senders > 1) joins_until_ = now + alive_for_ + timeout_;
        if (senders >= senders_) {
            senders_ = senders;
            fewer_.reset();
        } else if (!fewer_ || fewer_->first != senders) {
            fewer_ = {senders, now};
        } else if (now - fewer_->second >= timeout_) {
            senders_ = senders;
            fewer_.reset();
        }
    }

    std::size_t senders() const { return senders_; }
    // Whether the others may not know of this sender yet.
    bool joins(MonoTime now) const { return now < joins_until_; }

private:
    const Duration alive_for_, timeout_;
    std::size_t senders_ = 1;
    bool is_new_ = true;
    MonoTime joins_until_ = MonoTime::min();
    std::optional<std::pair<std::size_t, MonoTime>> fewer_;  // so many, since when
};

}  // namespace pricewire::deliver
