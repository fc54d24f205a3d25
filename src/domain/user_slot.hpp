#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "base/uuid.hpp"

namespace pricewire::inline domain {

// Users in slots, which are what senders divide. A user's slot is part of the interface between versions, and with the
// database: it never changes. As SQL: get_byte(uuid_send(user_id), 15).
constexpr std::size_t user_slots = 256;
using UserSlots = std::bitset<user_slots>;

// The last byte of an id is random.
constexpr std::uint8_t user_slot(const Uuid& user) {
    return user.bytes.back();
}

}  // namespace pricewire::inline domain
