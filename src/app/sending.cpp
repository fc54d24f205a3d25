#include "app/sending.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace pricewire::app {
namespace {

// How long after a sender has died the others take over its deliveries.
constexpr Duration alive_for = std::chrono::seconds{3};

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

Sending::Sending(Sharding& sharding, storage::Members& members, const Clock& clock,
                 deliver::SenderOptions& options)
    : sharding_(sharding),
      clock_(clock),
      id_(sharding.id(MemberRole::sender)),
      timeout_(options.timeout),
      gone_have_ended_(gone_have_ended(members)) {
    renewed(*sharding.group(MemberRole::sender));
    options.owner = id_;
    options.alive_for = alive_for;
    options.charge = [this] { return charge(); };
    options.settled_by = [this](const std::string& view) { settled_by(view); };
}

std::shared_ptr<const deliver::Charge> Sending::charge() const {
    MutexLock lock(mutex_);
    return charge_;
}

void Sending::settled_by(const std::string& view) {
    MutexLock lock(mutex_);
    settled_view_ = view;
}

void Sending::begun(const deliver::Sender& sender) {
    sharding_.attach(MemberRole::sender,
                     {.report = [this, &sender](MemberReport& out) { return report(sender, out); },
                      .renewed = [this](const auto& senders) { renewed(*senders); }});
}

void Sending::resign() {
    MutexLock lock(mutex_);
    resigned_ = true;
    auto none = std::make_shared<deliver::Charge>(*charge_);
    none->owned.reset();
    charge_ = std::move(none);
}

void Sending::end() {
    sharding_.detach(MemberRole::sender);
}

// One that ends leaves the others its share first, and then finishes what it has under way.
MonoTime Sending::gone_have_ended(storage::Members& members) const {
    const MonoTime now = clock_.mono();
    try {
        MonoTime out = MonoTime::min();
        const cluster::Groups known(members.members(), 1);
        for (const Member& member : cluster::dividing(*known.of(MemberRole::sender)).members()) {
            if (member.left <= Duration::zero()) out = std::max<MonoTime>(out, now + member.left + timeout_);
        }
        return out;
    } catch (const storage::StorageError& e) {
        log::warn(
            "whether other senders have just ended could not be read; endpoints get one webhook at a time at "
            "first",
            {{"reason", e.what()}});
        return now + timeout_;
    }
}

void Sending::renewed(const cluster::Group& senders) {
    const cluster::Group before = owners_.group();
    owners_.follow(cluster::dividing(senders, id_));
    const auto has_gone = [&](const Member& one) { return owners_.group().find(one.report.id) == nullptr; };
    if (std::ranges::any_of(before.members(), has_gone)) gone_have_ended_ = clock_.mono() + timeout_;
    auto charge = std::make_shared<deliver::Charge>(charge_of(owners_, id_));
    charge->is_sure = arrival_.has_seen_all(charge->self, std::exchange(told_, false));
    charge->gone_have_ended = gone_have_ended_;
    charge->until = sharding_.membership()->alive_until(MemberRole::sender);
    MutexLock lock(mutex_);
    if (!resigned_) charge_ = std::move(charge);
}

// One that is not settled by any view yet says so by what is no view.
cluster::Work Sending::report(const deliver::Sender& sender, MemberReport& report) {
    told_ = true;
    MutexLock lock(mutex_);
    report.settled = settled_view_.empty() ? "-" : settled_view_;
    report.holds = static_cast<std::int64_t>(charge_->owned.count());
    return pulse_.beats(sender.stats().steps, clock_.mono()) ? cluster::Work::goes_on : cluster::Work::hangs;
}

std::string queue_of_sender(const std::string& queue_of_all, const std::string& id) {
    return queue_of_all + ".tasks." + id;
}

std::function<std::string(std::uint8_t)> queues_of_senders(const Sharding& sharding,
                                                           std::string queue_of_all) {
    struct Known {
        Mutex mutex;
        std::shared_ptr<const cluster::Group> group GUARDED_BY(mutex);
        cluster::SlotOwners owners GUARDED_BY(mutex);
    };
    return
        [&sharding, known = std::make_shared<Known>(), queue = std::move(queue_of_all)](std::uint8_t slot) {
            auto group = sharding.group(MemberRole::sender);
            MutexLock lock(known->mutex);
            if (group != known->group) {
                known->owners.follow(cluster::dividing(*group));
                known->group = std::move(group);
            }
            const std::string& owner = known->owners.owner(slot);
            return owner.empty() ? std::string() : queue_of_sender(queue, owner);
        };
}

}  // namespace pricewire::app
