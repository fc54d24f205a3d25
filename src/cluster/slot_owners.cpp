#include "cluster/slot_owners.hpp"

#include <utility>
#include <vector>

namespace pricewire::cluster {

Group dividing(const Group& senders, std::string_view own_id) {
    std::vector<Member> out;
    for (const Member& member : senders.members()) {
        if (!member.report.settled.empty() || member.report.id == own_id) out.push_back(member);
    }
    return {std::move(out), 1};
}

void SlotOwners::follow(Group dividing) {
    const bool is_same = dividing.view() == group_.view();
    group_ = std::move(dividing);
    if (is_same) return;
    owners_.fill({});
    if (group_.size() == 0) return;
    for (std::size_t slot = 0; slot < user_slots; ++slot)
        owners_.at(slot) = group_.owners(std::to_string(slot)).front()->report.id;
}

UserSlots SlotOwners::owned(std::string_view id) const {
    UserSlots out;
    for (std::size_t slot = 0; slot < user_slots; ++slot)
        out.set(slot, !id.empty() && owners_.at(slot) == id);
    return out;
}

}  // namespace pricewire::cluster
