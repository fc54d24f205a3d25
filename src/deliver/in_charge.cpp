#include "deliver/in_charge.hpp"

namespace pricewire::deliver {
namespace {

// Lanes that are found; what is in others comes back by itself.
constexpr std::size_t most_lanes = 20'000;

}  // namespace

bool InCharge::follow(HeldById& held, Outcomes& outcomes) {
    if (is_alone()) return false;
    const MonoTime now = clock_.mono();
    const auto charge = options_.charge();
    if (charge == charge_ && slots_.one_each().none()) return false;
    // What it knows before its lease has begun is only itself.
    if (!charge_ && now >= charge->until) return false;
    charge_ = charge;
    const Slots::Change change = slots_.update(*charge, now);
    endpoints_.set_one_each(slots_.one_each());
    read_breakers_ = (read_breakers_ | change.gained) & slots_.owned();
    read_lanes_ = (read_lanes_ | change.gained | change.freed) & slots_.owned();
    if (change.lost.any()) give_back(change.lost, held, outcomes);
    return change.lost.any() || change.gained.any();
}

void InCharge::give_back(const UserSlots& lost, HeldById& held, Outcomes& outcomes) {
    for (const Uuid& id : endpoints_.let_go(lost, clock_.mono())) {
        const Held waited = std::move(held.extract(id).mapped());
        if (!waited.launch) outcomes.give_back(waited.claimed, waited.lease_until);
    }
    for (const auto& [id, under_way] : held) {
        if (!owns(under_way.claimed.alert.user_id)) leaving_.insert(id);
    }
}

void InCharge::all_written() {
    if (!charge_ || !leaving_.empty() || settled_view_ == charge_->view) return;
    settled_view_ = charge_->view;
    if (options_.settled_by) options_.settled_by(settled_view_);
}

void InCharge::read() {
    std::vector<Breaker> breakers;
    if (read_breakers_.any()) breakers = storage_.breakers();
    std::erase_if(breakers, [&](const Breaker& b) { return !read_breakers_.test(user_slot(b.user_id)); });
    std::vector<std::string> lanes = storage_.lanes(most_lanes);
    std::erase_if(lanes, [&](const std::string& lane) {
        const auto user = Endpoints::user_of_lane(lane);
        return !user || !read_lanes_.test(user_slot(*user));
    });
    endpoints_.restore(breakers, lanes, clock_.moment());
    read_breakers_.reset();
    read_lanes_.reset();
}

std::vector<Breaker> InCharge::take_changed_breakers() {
    std::vector<Breaker> out = endpoints_.take_changed_breakers();
    std::erase_if(out, [&](const Breaker& b) { return !owns(b.user_id); });
    return out;
}

}  // namespace pricewire::deliver
