#include "app/sharding.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/unusable.hpp"
#include "base/uuid.hpp"
#include "bus/redis/stream.hpp"

namespace pricewire::app {
namespace {

std::string name_of_process() {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return fmt::format("{}/{}", host.data(), getpid());
}

cluster::MembershipOptions options_of(const ops::Config& config,
                                      const std::map<MemberRole, std::string>& ids) {
    cluster::MembershipOptions options;
    const std::string name = name_of_process();
    for (const auto& [role, id] : ids)
        options.members.push_back({.role = role, .id = id, .name = name, .version = PRICEWIRE_VERSION});
    options.redundancy = static_cast<std::size_t>(config.cluster.redundancy);
    return options;
}

}  // namespace

Sharding::Sharding(const ops::Config& config, const Roles& roles, storage::Storage& storage,
                   const Clock& clock)
    : shares_prices_(!config.storage.redis_url.empty()), clock_(clock) {
    const std::pair<bool, MemberRole> all[] = {{roles.checker && shares_prices_, MemberRole::checker},
                                               {roles.feed && shares_prices_, MemberRole::feed},
                                               {roles.sender, MemberRole::sender}};
    for (const auto& [has, role] : all) {
        if (has) ids_[role] = fmt::format("{}-{}", to_string(role), make_uuid(clock.now()).to_string());
    }
    if (ids_.empty()) return;
    cluster::MembershipOptions options = options_of(config, ids_);
    options.report = [this](MemberReport& report) {
        MutexLock lock(mutex_);
        const auto part = parts_.find(report.role);
        if (part == parts_.end() || !part->second.report) return cluster::Work::goes_on;
        return part->second.report(report);
    };
    options.renewed = [this](const cluster::Groups& groups, const cluster::Groups& latest) {
        MutexLock lock(mutex_);
        for (const auto& [role, part] : parts_) {
            // What a sender takes over costs it nothing, and meanwhile others may have taken over what it had.
            if (part.renewed) part.renewed((role == MemberRole::sender ? latest : groups).of(role));
        }
    };
    membership_ = cluster::start_membership(std::move(options), storage, clock);
}

bool Sharding::divides(MemberRole role) const {
    return ids_.contains(role);
}

std::shared_ptr<const cluster::Group> Sharding::group(MemberRole role) const {
    return membership_->groups()->of(role);
}

void Sharding::attach(MemberRole role, Part part) {
    MutexLock lock(mutex_);
    parts_[role] = std::move(part);
}

void Sharding::detach(MemberRole role) {
    MutexLock lock(mutex_);
    parts_.erase(role);
}

void Sharding::check() const {
    if (membership_ && membership_->is_fenced(clock_.mono()))
        throw Unusable("the lease has ended", "its lease has ended, so others have taken over its work");
}

void Sharding::stop() {
    if (membership_) membership_->stop();
}

void OthersProgress::update(const cluster::Group& group, std::string_view own_id, MonoTime now) {
    const auto says_how_far = [&](const Member& member) {
        return member.report.id == own_id || (member.report.judged && !member.report.position.empty());
    };
    if (group.is_settled() && (group.is_undivided() || std::ranges::all_of(group.members(), says_how_far))) {
        unsettled_since_.reset();
    } else {
        unsettled_since_ = unsettled_since_.value_or(now);
        is_known_ = false;
        if (now - *unsettled_since_ < longest_wait) return;
    }
    is_known_ = true;
    position_.reset();
    judged_.reset();
    if (group.is_undivided()) return;  // each judges everything
    for (const Member& member : group.members()) {
        if (member.report.id == own_id) continue;
        if (const auto at = bus::parse_position(member.report.position))
            position_ = std::min(position_.value_or(*at), *at);
        if (const auto& at = member.report.judged) judged_ = std::min(judged_.value_or(*at), *at);
    }
}

std::optional<bus::BusPosition> OthersProgress::at_most(bus::BusPosition own) const {
    if (!is_known_) return std::nullopt;
    return std::min(own, position_.value_or(own));
}

std::optional<Timestamp> OthersProgress::at_most(Timestamp own) const {
    if (!is_known_) return std::nullopt;
    return std::min(own, judged_.value_or(own));
}

}  // namespace pricewire::app
