#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "app/roles.hpp"
#include "base/mutex.hpp"
#include "bus/price_bus.hpp"
#include "cluster/membership.hpp"
#include "ops/config.hpp"
#include "storage/storage.hpp"

namespace pricewire::app {

// The membership of a process that shares its database, and what its parts report and learn by it. Thread-safe.
class Sharding {
public:
    // Called on the membership's thread, one at a time; they must not block.
    struct Part {
        std::function<cluster::Work(MemberReport&)> report;  // see MembershipOptions
        // With the group of its own role; of senders as of the latest renewal.
        std::function<void(const std::shared_ptr<const cluster::Group>&)> renewed;
    };

    Sharding(const ops::Config& config, const Roles& roles, storage::Storage& storage, const Clock& clock);
    ~Sharding() { stop(); }

    // Whether processes of this role divide anything: prices that all of them see are what checkers and feeds need for it.
    bool divides(MemberRole role) const;
    const std::string& id(MemberRole role) const { return ids_.at(role); }
    std::shared_ptr<const cluster::Group> group(MemberRole role) const;
    // Null if the process divides nothing.
    cluster::Membership* membership() { return membership_.get(); }

    // The part is called from now on. detach() returns once no call is under way, and none follows.
    void attach(MemberRole role, Part part);
    void detach(MemberRole role);

    // Throws if the lease has ended: others have taken over.
    void check() const;
    void stop();

private:
    const bool shares_prices_;
    const Clock& clock_;
    std::map<MemberRole, std::string> ids_;
    Mutex mutex_;
    std::map<MemberRole, Part> parts_ GUARDED_BY(mutex_);
    std::unique_ptr<cluster::Membership> membership_;
};

// How far the other checkers are, so that what is noted as judged was judged by all of them. Pure.
//
// A position in the stream, or a time until which prices were judged, may be noted if every checker has reached it, since
// each judges the alerts of its own tickers; unless there are so few that each has all. A checker that has died does not
// count any more once those that took over its share hold it, because they judge what they took over by the recent prices
// of two minutes. So while members are not settled, or one that has a share does not say how far it is, nothing is noted; but
// for a minute at most, because a checker that cannot load its alerts must not keep the others from ever noting anything.
class OthersProgress {
public:
    static constexpr Duration longest_wait = std::chrono::minutes{1};

    void update(const cluster::Group& group, std::string_view own_id, MonoTime now);

    // nullopt: nothing may be noted now. Otherwise no more than this.
    std::optional<bus::BusPosition> at_most(bus::BusPosition own) const;
    std::optional<Timestamp> at_most(Timestamp own) const;

private:
    std::optional<MonoTime> unsettled_since_;
    bool is_known_ = false;
    std::optional<bus::BusPosition> position_;  // of the one that is furthest behind
    std::optional<Timestamp> judged_;
};

}  // namespace pricewire::app
