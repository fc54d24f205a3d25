#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cluster/group.hpp"
#include "storage/members.hpp"

namespace pricewire::cluster {

// How a member's work goes, as it sees it itself. Unless it goes on, its lease is not renewed: the thread that does it hangs, or
// it is far behind the others (Lag).
enum class Work : std::uint8_t { goes_on, hangs, is_behind };

struct MembershipOptions {
    // Who this process is, one for each of its roles, with a new id for each run. What else they report is asked for
    // before each renewal.
    std::vector<MemberReport> members;
    std::size_t redundancy = 2;
    Duration renew_every = std::chrono::milliseconds{500};
    Duration lease = std::chrono::seconds{3};
    // Fills in what a member reports besides who it is. On the membership's thread; must not block or throw; may be empty.
    std::function<Work(MemberReport&)> report = {};
    // Called after each renewal, on the membership's thread, with what groups() then returns, and with the groups of that
    // renewal, which are others for one lease after this process was fenced; may be empty. Must not block or throw.
    std::function<void(const Groups&, const Groups& latest)> renewed = {};
};

// The leases of a process on its memberships, renewed on a thread of their own, and who else lives. Only the database's
// clock and this machine's monotonic one are read, so a wall clock that is wrong or jumps does no harm.
//
// A process that has not renewed its leases in time is fenced: to the others it is dead, and they have taken over its
// share. It keeps what it knows, so that a database that is away for all changes nothing; what it may do meanwhile is each
// role's own business. At its next renewal its leases begin again, with the next epoch. It takes over the list of living
// members one lease later, so that after an outage of the database all are back by then.
class Membership {
public:
    virtual ~Membership() = default;  // as stop()

    // Any thread, from now on. Never null; before the first renewal this process alone.
    virtual std::shared_ptr<const Groups> groups() const = 0;
    // Until when the others take all its members for living, unless it renews their leases before: never later than they
    // do. MonoTime::min() before the first renewal.
    virtual MonoTime alive_until() const = 0;
    // The same of its member of that role, which it must have.
    virtual MonoTime alive_until(MemberRole role) const = 0;
    bool is_fenced(MonoTime now) const { return now >= alive_until(); }
    // Ends the leases, so that others take over at once, and the thread.
    virtual void stop() = 0;
};

// Tries to renew once before it returns. `members` and `clock` outlive it; the latter must run.
std::unique_ptr<Membership> start_membership(MembershipOptions options, storage::Members& members,
                                             const Clock& clock);

}  // namespace pricewire::cluster
