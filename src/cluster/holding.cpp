#include "cluster/holding.hpp"

#include <algorithm>

// What update() does
//
// the group                                what is held
// ---------------------------------------  ----------------------------------------------------------------------
// has another view                         the share of the new view too
// has the view that is known, and is not   as before
// settled: some member is still loading
// is settled, by the view that is known    the share of this view alone
// does not contain this member             as before: its lease has ended, and what the others do without it is
//                                          known when it begins again
//
// A member that dies before it is settled ends the view, and the next one waits for those that are left.
//
// What is held of many views
//
// The fewer members, the more each of them owns. So a share in a group that has all members of another one adds nothing to the
// share in that one: while members only come, the oldest share has the later ones. Where members also go, the share among those
// that two groups have in common has both shares. So a member that dies while it loads, again and again, each time as another
// one, makes the others hold what they hold without it, and no more.

namespace pricewire::cluster {
namespace {

bool any_owns(const std::vector<Share>& shares, std::string_view key) {
    return std::ranges::any_of(shares, [&](const Share& share) { return share.owns(key); });
}

}  // namespace

bool Holding::update(const std::shared_ptr<const Group>& group) {
    if (group->find(id_) == nullptr) return false;
    if (group->view() != view_) {
        view_ = group->view();
        shares_.push_back({group, id_});
        merge();
        return true;
    }
    if (!group->is_settled()) return false;
    settled_ = group;
    if (shares_.size() == 1) return false;
    shares_.erase(shares_.begin(), shares_.end() - 1);
    return true;
}

// Drops those that add nothing, but for the last one.
void Holding::merge() {
    const auto drop = [&] {
        for (std::size_t i = 0; i + 1 < shares_.size();) {
            const Group& group = *shares_[i].group;
            const bool adds_nothing = std::ranges::any_of(shares_, [&](const Share& other) {
                return other.group.get() != &group && group.contains_all_of(*other.group);
            });
            if (adds_nothing) {
                shares_.erase(shares_.begin() + static_cast<std::ptrdiff_t>(i));
            } else {
                ++i;
            }
        }
    };
    drop();
    while (shares_.size() > most_shares) {
        shares_[1].group = std::make_shared<const Group>(shares_[0].group->common_with(*shares_[1].group));
        shares_.erase(shares_.begin());
        drop();
    }
}

bool Holding::is_all() const {
    return shares_.empty() || std::ranges::any_of(shares_, &Share::is_all);
}

bool Holding::holds(std::string_view key) const {
    return is_all() || any_owns(shares_, key);
}

std::function<bool(const Ticker&)> Holding::function() const {
    if (is_all()) return {};
    return [shares = shares_](const Ticker& ticker) { return any_owns(shares, ticker.view()); };
}

std::function<bool(const Ticker&)> Holding::kept() const {
    if (!settled_) return {};
    return [id = id_, before = settled_, now = shares_.back().group](const Ticker& ticker) {
        return std::ranges::any_of(before->owners(ticker.view()), [&](const Member* owner) {
            const Member* const same = now->find(owner->report.id);
            return owner->report.id != id && same != nullptr && same->since == owner->since;
        });
    };
}

}  // namespace pricewire::cluster
