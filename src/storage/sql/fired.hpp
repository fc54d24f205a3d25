#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/uuid.hpp"
#include "domain/alert.hpp"

// What both databases do with the groups of a call of fire().
namespace pricewire::storage::sql {

// The ids under which the boards of groups are stored, if anything was written for their group.
class Boards {
public:
    explicit Boards(std::span<const FiringGroup> groups) : groups_(groups) {
        for (const FiringGroup& group : groups)
            ids_.push_back(group.board.empty() ? std::nullopt : std::optional(make_uuid(group.fired_at)));
    }
    const std::optional<Uuid>& id(std::size_t group) const { return ids_[group]; }
    void use(std::size_t group) {
        if (ids_[group]) used_.insert(group);
    }
    template <typename Connection>
    void write(Connection& db) const {
        db.change_each("price_fired", used_, [&](std::size_t group) {
            return std::tuple(*ids_[group], std::string_view(groups_[group].board), groups_[group].board_at);
        });
    }

private:
    std::span<const FiringGroup> groups_;
    std::vector<std::optional<Uuid>> ids_;
    std::set<std::size_t> used_;
};

// The price in effect at a group's expiries, and its time; none if there is no price yet.
inline std::pair<std::optional<Decimal>, std::optional<Timestamp>> price_in_effect(const FiringGroup& group) {
    if (group.price.value == Decimal{}) return {};
    return {group.price.value, group.price.time};
}

}  // namespace pricewire::storage::sql
