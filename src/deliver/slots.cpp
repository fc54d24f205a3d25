#include "deliver/slots.hpp"

#include <utility>

// What update() does
//
// the group                                  slots
// -----------------------------------------  ---------------------------------------------------------------------
// at first: nobody else lives                gained, with whole windows once that is sure, and what was under way at one that
//                                            has just gone must have ended
// at first: others live                      gained, one attempt each: what others had may have gone a moment ago
// one has come                               some may be lost
// one has gone, or lives another life        some may be gained; one attempt each in those that it may have had at least
//                                            until what it had under way must have ended: it started nothing after the end
//                                            of its lease
// this sender lives another life             all that it owns is lost and gained, since others may have had it meanwhile, and
//                                            may have gone again
// none that lives may have it any more,      a whole window
// and what has gone has ended
//
// Another may have what it owned in any view since it was last settled. It may have owned more in views that were not seen
// here; there it had one attempt each, since this sender was not settled by these. Of one that was there before, anything.

namespace pricewire::deliver {

Slots::Change Slots::update(const Charge& charge, MonoTime now) {
    const bool is_new_life = charge.self != self_;
    const bool was_away = is_new_life && (!self_.empty() || !charge.others.empty());
    Change out;
    out.lost = was_away ? owned_ : owned_ & ~charge.owned;
    out.gained = charge.owned & ~(owned_ & ~out.lost);
    note_others(charge, was_away || !was_sure_, now);
    if (was_away)
        quiet_at_.fill(now + timeout_);
    else if (self_.empty())
        quiet_at_.fill(charge.gone_have_ended);
    owned_ = charge.owned;
    one_each_ = is_new_life && !charge.is_sure ? owned_ : (one_each_ | out.gained) & owned_;
    self_ = charge.self;
    was_sure_ = charge.is_sure;
    if (!was_sure_ || one_each_.none()) return out;
    UserSlots taken;
    for (const auto& [life, slots] : may_have_) taken |= slots;
    for (std::size_t slot = 0; slot < user_slots; ++slot)
        out.freed.set(slot, one_each_.test(slot) && !taken.test(slot) && now >= quiet_at_.at(slot));
    one_each_ &= ~out.freed;
    return out;
}

void Slots::note_others(const Charge& charge, bool of_all, MonoTime now) {
    const auto before = std::exchange(may_have_, {});
    for (const Charge::Other& other : charge.others) {
        UserSlots& slots = may_have_[other.life] = other.owned;
        if (other.is_settled) continue;
        if (of_all) slots.set();
        if (const auto known = before.find(other.life); known != before.end()) slots |= known->second;
    }
    UserSlots left;
    for (const auto& [life, slots] : before) {
        if (!may_have_.contains(life)) left |= slots;
    }
    for (std::size_t slot = 0; slot < user_slots; ++slot) {
        if (left.test(slot)) quiet_at_.at(slot) = now + timeout_;
    }
}

}  // namespace pricewire::deliver
