#include "cluster/group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "cluster/rendezvous.hpp"

namespace pricewire::cluster {
namespace {

std::string view_of(std::span<const Member> members) {
    std::string text;
    for (const Member& member : members)
        text += member.report.id + "\n" + std::to_string(member.epoch) + "\n";
    return fmt::format("{:016x}", weight(text, ""));
}

std::string_view id_of(const Member& member) {
    return member.report.id;
}

}  // namespace

Group::Group(std::vector<Member> members, std::size_t redundancy)
    : members_(std::move(members)), redundancy_(std::max<std::size_t>(redundancy, 1)) {
    std::ranges::sort(members_, {}, id_of);
    for (const Member& member : members_) ids_.push_back(member.report.id);
    view_ = view_of(members_);
}

const Member* Group::find(std::string_view id) const {
    const auto found = std::ranges::lower_bound(members_, id, {}, id_of);
    return found != members_.end() && found->report.id == id ? &*found : nullptr;
}

std::vector<const Member*> Group::owners(std::string_view key) const {
    std::vector<const Member*> out;
    for (const std::size_t index : cluster::owners(ids_, key, redundancy_)) out.push_back(&members_[index]);
    return out;
}

bool Group::owns(std::string_view id, std::string_view key) const {
    const Member* member = find(id);
    if (member == nullptr) return false;
    return cluster::owns(ids_, static_cast<std::size_t>(member - members_.data()), key, redundancy_);
}

std::size_t Group::settled() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(members_, [&](const Member& m) { return m.report.settled == view_; }));
}

bool Group::contains_all_of(const Group& other) const {
    return std::ranges::includes(ids_, other.ids_);
}

Group Group::common_with(const Group& other) const {
    std::vector<Member> common;
    std::ranges::copy_if(members_, std::back_inserter(common),
                         [&](const Member& m) { return other.find(m.report.id) != nullptr; });
    return {std::move(common), redundancy_};
}

Groups::Groups(std::span<const Member> living, std::size_t redundancy) {
    std::array<std::vector<Member>, member_role_names.size()> members;
    for (const Member& member : living)
        members[static_cast<std::size_t>(member.report.role)].push_back(member);
    for (std::size_t role = 0; role < members.size(); ++role)
        by_role_[role] = std::make_shared<const Group>(std::move(members[role]), redundancy);
}

}  // namespace pricewire::cluster
