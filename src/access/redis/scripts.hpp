#pragma once

#include <cstdint>
#include <string_view>

#include "access/redis/leases.hpp"
#include "redis/reply.hpp"

// Lua functions of which scripts are made.
namespace pricewire::access {

// get_entry(key, prefix of evicted): the cached user, or false. The user's key of evictions depends on the entry's contents.
extern const std::string_view get_entry;

// token_bucket.hpp in Lua, whose only numbers are doubles, exact up to 2^53. The debt is therefore kept in
// two parts: whole microseconds, and the remainder in units of 1 / count microsecond. A token costs period /
// count microseconds, a full bucket holds `period`, and each microsecond that passes pays back one.
//
// take_tokens(key, count, period in microseconds, how many tokens, what to do if there are fewer): none looks only; "spend"
// takes those that are left, "lease" half of what was asked for, or of that, down to one. Returns how many it took (to
// look: whether there is one; to spend: as many as were asked for), and the debt after it.
extern const std::string_view take_tokens;

struct TakenTokens {
    std::uint32_t tokens = 0;
    Leases::Debt debt;
};
// What take_tokens() returned. Throws RedisError if it is something else.
TakenTokens taken_tokens(redis::ReplyView reply);

}  // namespace pricewire::access
