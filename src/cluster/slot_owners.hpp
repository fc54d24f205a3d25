#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "cluster/group.hpp"
#include "domain/user_slot.hpp"

namespace pricewire::cluster {

// Those among which slots of users are divided: senders that say by which view they are settled. One that has not begun yet,
// or is of a version that takes every delivery, does not. The one with `own_id`, if it lives, counts in any case.
Group dividing(const Group& senders, std::string_view own_id = {});

// Which of them is in charge of each slot. One thread at a time.
class SlotOwners {
public:
    SlotOwners() = default;  // nobody is
    explicit SlotOwners(Group dividing) { follow(std::move(dividing)); }

    // As of a later renewal. Cheap while the same members live.
    void follow(Group dividing);
    const Group& group() const { return group_; }
    // Empty if there are no senders.
    const std::string& owner(std::uint8_t slot) const { return owners_.at(slot); }
    UserSlots owned(std::string_view id) const;

private:
    Group group_{{}, 1};
    std::array<std::string, user_slots> owners_;
};

}  // namespace pricewire::cluster
