#include "app/sending.hpp"

#include <utility>

#include "base/log.hpp"
#include "cluster/slot_owners.hpp"

namespace pricewire::app {
namespace {

// How long after a sender has died the others take over its deliveries.
constexpr Duration alive_for = std::chrono::seconds{3};

// When what those had under way that have gone before must have ended.
MonoTime gone_before_have_ended(storage::Members& members, Duration timeout, MonoTime now) {
    try {
        return gone_have_ended(members.members(), timeout, now);
    } catch (const storage::StorageError& e) {
        log::warn(
            "whether other senders have just ended could not be read; endpoints get one webhook at a time at "
            "first",
            {{"reason", e.what()}});
        return now + timeout;
    }
}

}  // namespace

Sending::Sending(Sharding& sharding, storage::Members& members, const Clock& clock,
                 deliver::SenderOptions& options)
    : sharding_(sharding),
      clock_(clock),
      id_(sharding.id(MemberRole::sender)),
      charging_(id_, options.timeout, gone_before_have_ended(members, options.timeout, clock.mono())) {
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

void Sending::renewed(const cluster::Group& senders) {
    const MonoTime until = sharding_.membership()->alive_until(MemberRole::sender);
    auto charge = std::make_shared<const deliver::Charge>(charging_.renewed(senders, until, clock_.mono()));
    MutexLock lock(mutex_);
    if (!resigned_) charge_ = std::move(charge);
}

// One that is not settled by any view yet says so by what is no view.
cluster::Work Sending::report(const deliver::Sender& sender, MemberReport& report) {
    charging_.tell();
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
