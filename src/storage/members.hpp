#pragma once

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "domain/member.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// How long a member whose lease has ended is shown among members().
constexpr Duration keep_ended_members = std::chrono::hours{1};

// The processes that share a database and divide work, each with a lease on its membership. All times are the
// database's; no other clock is read. Part of Storage: see there for threads; writes survive kill -9, not a loss of
// power. An embedded database has one process, whose reports live as long as it does: nothing is stored.
class Members {
public:
    virtual ~Members() = default;

    // Renews the leases of these members until `lease` from now, and stores what they report. A lease that has ended, or
    // was never there, begins with the next epoch. Returns all members that live, of every role, by role and id. A
    // member of a role that this version does not know is skipped.
    virtual std::vector<Member> renew_members(std::span<const MemberReport> reports, Duration lease) = 0;
    // Ends the lease at once. Nothing if it has ended.
    virtual void end_membership(MemberRole role, std::string_view id) = 0;
    // Those that live, and those whose lease ended within keep_ended_members, by role and id.
    virtual std::vector<Member> members() = 0;
    // What time it is by the database; by this machine, where it is embedded.
    virtual Timestamp database_time() = 0;
};

// What time it is by whichever clock is behind, the database's or the own one: so one that is far ahead makes nothing look old.
inline Timestamp earlier_time(Members& database, const Clock& own) {
    return std::min(database.database_time(), own.now());
}

}  // namespace pricewire::storage
