#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "domain/user_slot.hpp"

namespace pricewire::deliver {

// Which users a sender is in charge of, as it last learned. Immutable.
struct Charge {
    std::string view;  // of who lives; see cluster::Group
    std::string self;  // this sender in its present life
    std::vector<std::string>
        senders;  // those that live, each in its present life, this one among them; sorted
    UserSlots owned;
    // All other senders have let go what is not theirs by this view.
    bool others_settled = true;
    MonoTime until = MonoTime::max();  // then others are in charge, unless it has learned of more time before
};

// What a sender does with the slots of users that it is in charge of while senders come and go. Pure; one thread.
//
// Whoever loses a slot starts nothing more for its users from then on, and is settled when what it has under way for them
// has ended. Whoever gains one cannot know whether the one before knows already: until all others are settled, and what
// senders that have gone may have had under way must have ended, it has at most one attempt under way to each
// endpoint. So together they never have more than one alone may have, and one more for each that has just taken over.
class Slots {
public:
    // `timeout` is the longest that an attempt may take.
    explicit Slots(Duration timeout) : timeout_(timeout) {}

    struct Change {
        UserSlots lost, gained;
        // From now on these have whole windows: what others had to write about them is written.
        UserSlots freed;
    };
    Change update(const Charge& charge, MonoTime now);
    bool owns(const Uuid& user) const { return owned_.test(user_slot(user)); }
    const UserSlots& owned() const { return owned_; }
    // Those whose endpoints have one attempt at a time.
    const UserSlots& one_each() const { return one_each_; }

private:
    const Duration timeout_;
    std::string self_;                  // empty at first
    std::vector<std::string> senders_;  // that lived, but for this one
    UserSlots owned_, one_each_;
    MonoTime quiet_at_ = MonoTime::min();  // when what was under way at those that have gone must have ended
};

}  // namespace pricewire::deliver
