#include "app/charging.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::app {
namespace {

// A member in its present life. Its row, and with it the count of its lives, may have been removed since it last lived.
std::string life_of(const Member& member) {
    return member.report.id + " " + std::to_string(to_micros(member.since));
}

deliver::Charge charge_of(const cluster::SlotOwners& owners, const std::string& id) {
    const cluster::Group& senders = owners.group();
    deliver::Charge out{.view = senders.view(), .self = {}, .others = {}, .owned = owners.owned(id)};
    for (const Member& member : senders.members()) {
        if (member.report.id == id) {
            out.self = life_of(member);
        } else {
            out.others.push_back({.life = life_of(member),
                                  .is_settled = member.report.settled == out.view,
                                  .owned = owners.owned(member.report.id)});
        }
    }
    return out;
}

}  // namespace

deliver::Charge Charging::renewed(const cluster::Group& senders, MonoTime until, MonoTime now) {
    const cluster::Group before = owners_.group();
    owners_.follow(cluster::dividing(senders, id_));
    const auto has_gone = [&](const Member& one) { return owners_.group().find(one.report.id) == nullptr; };
    if (std::ranges::any_of(before.members(), has_gone)) gone_have_ended_ = now + timeout_;
    deliver::Charge out = charge_of(owners_, id_);
    out.is_sure = arrival_.has_seen_all(out.self, std::exchange(told_, false));
    out.gone_have_ended = gone_have_ended_;
    out.until = until;
    return out;
}

// One that ends leaves the others its share first, and then finishes what it has under way.
MonoTime gone_have_ended(std::span<const Member> members, Duration timeout, MonoTime now) {
    MonoTime out = MonoTime::min();
    const cluster::Groups known(members, 1);
    for (const Member& member : cluster::dividing(*known.of(MemberRole::sender)).members()) {
        if (member.left <= Duration::zero()) out = std::max<MonoTime>(out, now + member.left + timeout);
    }
    return out;
}

}  // namespace pricewire::app
