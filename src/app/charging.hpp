#pragma once

#include <span>
#include <string>

#include "base/clock.hpp"
#include "cluster/arrival.hpp"
#include "cluster/slot_owners.hpp"
#include "deliver/slots.hpp"
#include "domain/member.hpp"

namespace pricewire::app {

// What a sender is in charge of, as it learns by its renewals who lives. Pure; one thread.
class Charging {
public:
    // `timeout`: of an attempt. `gone_have_ended`: see below.
    Charging(std::string id, Duration timeout, MonoTime gone_have_ended)
        : id_(std::move(id)), timeout_(timeout), gone_have_ended_(gone_have_ended) {}

    // In the renewal that is not answered yet it says that it takes part.
    void tell() { told_ = true; }
    // Those that live as of a renewal, by which it does until then.
    deliver::Charge renewed(const cluster::Group& senders, MonoTime until, MonoTime now);

private:
    const std::string id_;
    const Duration timeout_;
    cluster::SlotOwners owners_;
    cluster::Arrival arrival_;
    MonoTime gone_have_ended_;
    bool told_ = false;
};

// When what those of all known members had under way that live no more must have ended, as one sees it that has just come.
MonoTime gone_have_ended(std::span<const Member> members, Duration timeout, MonoTime now);

}  // namespace pricewire::app
