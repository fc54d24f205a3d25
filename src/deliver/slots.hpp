#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/user_slot.hpp"

namespace pricewire::deliver {

// Which users a sender is in charge of, as it last learned. Immutable.
struct Charge {
    struct Other {
        std::string life;        // it, in its present life
        bool is_settled = true;  // it has let go what is not its own by this view
        UserSlots owned;
    };
    std::string view;           // of who lives; see cluster::Group
    std::string self;           // this sender in its present life
    std::vector<Other> others;  // that live
    UserSlots owned;
    bool is_sure = true;  // that no sender lives that has seen neither this one nor been seen
    // By then what senders that have gone had under way must have ended. One that has seen them go need not be told.
    MonoTime gone_have_ended = MonoTime::min();
    MonoTime until = MonoTime::max();  // then others are in charge, unless it has learned of more time before
};

// What a sender does with the slots of users that it is in charge of while senders come and go. Pure; one thread.
//
// Whoever loses a slot starts nothing more for its users from then on, and is settled when what it has under way for them
// has ended. Whoever gains one cannot know whether the one before knows already: until all that may have had it are
// settled, and what those of them that have gone had under way must have ended, it has at most one attempt under way to each
// endpoint. So together they never have more than one alone may have, and one more for each that has just taken over.
class Slots {
public:
    // `timeout` is the longest that an attempt may take.
    explicit Slots(Duration timeout) : timeout_(timeout) { quiet_at_.fill(MonoTime::min()); }

    struct Change {
        UserSlots lost, gained;  // in a new life both, since others may have had it
        // From now on these have whole windows: what others had to write about them is written.
        UserSlots freed;
    };
    Change update(const Charge& charge, MonoTime now);
    bool owns(const Uuid& user) const { return owned_.test(user_slot(user)); }
    const UserSlots& owned() const { return owned_; }
    // Those whose endpoints have one attempt at a time.
    const UserSlots& one_each() const { return one_each_; }

private:
    // Takes note of what the others may have under way; with `of_all`, those that are not settled of any user.
    void note_others(const Charge& charge, bool of_all, MonoTime now);

    const Duration timeout_;
    std::string self_;       // empty at first
    bool was_sure_ = false;  // of the charge before
    UserSlots owned_, one_each_;
    // Of each other that lives: where it may have attempts under way.
    std::map<std::string, UserSlots> may_have_;
    // When what was under way at those that have gone must have ended.
    std::array<MonoTime, user_slots> quiet_at_;
};

}  // namespace pricewire::deliver
