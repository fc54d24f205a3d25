#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/member.hpp"

namespace pricewire::cluster {

// The living members of one role, and how they divide keys. Immutable, so that threads share it.
class Group {
public:
    // By id, each once. `redundancy`: how many members own a key, at least 1.
    Group(std::vector<Member> members, std::size_t redundancy);

    std::span<const Member> members() const { return members_; }
    std::size_t size() const { return members_.size(); }
    // The same for every process that sees the same members in the same lives of theirs; never empty.
    const std::string& view() const { return view_; }
    const Member* find(std::string_view id) const;

    // The owners of a key, the first of them in charge where it takes only one.
    std::vector<const Member*> owners(std::string_view key) const;
    // Whether this member is among them. One that is not in the group owns nothing.
    bool owns(std::string_view id, std::string_view key) const;
    // Each owns every key.
    bool is_undivided() const { return members_.size() <= redundancy_; }
    // Whether every member holds its share according to this very view, so that what has moved can be let go.
    bool is_settled() const { return settled() == size(); }
    // How many do.
    std::size_t settled() const;

    // Whether all members of the other one are members of this one. Then each of them owns no more here than there.
    bool contains_all_of(const Group& other) const;
    // The members of both. Each of them owns there what it owns here, or in the other one.
    Group common_with(const Group& other) const;

private:
    std::vector<Member> members_;
    std::vector<std::string> ids_;
    std::size_t redundancy_;
    std::string view_;
};

// All groups, as of one renewal.
class Groups {
public:
    Groups(std::span<const Member> living, std::size_t redundancy);
    // Empty if there are no such members.
    const std::shared_ptr<const Group>& of(MemberRole role) const {
        return by_role_[static_cast<std::size_t>(role)];
    }

private:
    std::array<std::shared_ptr<const Group>, member_role_names.size()> by_role_;
};

// What one member owns.
struct Share {
    std::shared_ptr<const Group> group;
    std::string id;

    bool owns(std::string_view key) const { return group->owns(id, key); }
    bool is_all() const { return group->is_undivided() && group->find(id) != nullptr; }
};

}  // namespace pricewire::cluster
