#include "deliver/slots.hpp"

#include <algorithm>

// What update() does
//
// the group                                  slots
// -----------------------------------------  ---------------------------------------------------------------------
// at first: nobody else lives                gained, with whole windows
// at first: others live                      gained, one attempt each: what others had may have gone a moment ago
// one has come                               some may be lost
// one has gone, or lives another life        some may be gained; one attempt each at least until what it had under
//                                            way must have ended: it started nothing after the end of its lease
// this sender lives another life, and        all that it owns: one attempt each, since others had them meanwhile
// others live
// all others are settled by this view, and   whole windows
// nothing of those that have gone is left
//
// A sender that has gone counts as one that may have had anything. Since a slot that is not free waits for all, it does not
// matter through whose hands it went.

namespace pricewire::deliver {

Slots::Change Slots::update(const Charge& charge, MonoTime now) {
    Change out;
    const bool is_new_life = charge.self != self_ && charge.senders.size() > 1;
    if (is_new_life || !std::ranges::includes(charge.senders, senders_)) quiet_at_ = now + timeout_;
    out.lost = owned_ & ~charge.owned;
    out.gained = charge.owned & ~owned_;
    owned_ = charge.owned;
    one_each_ = is_new_life ? owned_ : (one_each_ | out.gained) & owned_;
    self_ = charge.self;
    senders_ = charge.senders;
    std::erase(senders_, self_);
    if (one_each_.any() && charge.others_settled && now >= quiet_at_) {
        out.freed = std::exchange(one_each_, UserSlots());
    }
    return out;
}

}  // namespace pricewire::deliver
