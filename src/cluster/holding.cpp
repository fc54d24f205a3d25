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
        return true;
    }
    if (shares_.size() == 1 || !group->is_settled()) return false;
    shares_.erase(shares_.begin(), shares_.end() - 1);
    return true;
}

bool Holding::is_all() const {
    return shares_.empty() || shares_.size() > most_shares || std::ranges::any_of(shares_, &Share::is_all);
}

bool Holding::holds(std::string_view key) const {
    return is_all() || any_owns(shares_, key);
}

std::function<bool(const Ticker&)> Holding::function() const {
    if (is_all()) return {};
    return [shares = shares_](const Ticker& ticker) { return any_owns(shares, ticker.view()); };
}

}  // namespace pricewire::cluster
