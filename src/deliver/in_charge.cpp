#include "deliver/in_charge.hpp"

#include <utility>

namespace pricewire::deliver {
namespace {

// Lanes that are found; what is in others comes back by itself.
constexpr std::size_t most_lanes = 20'000;

}  // namespace

bool InCharge::follow(HeldById& held, Outcomes& outcomes) {
    if (is_alone()) return false;
    const bool changed = take_charge(held, outcomes);
    // Others are in charge now, and may claim what waits here.
    if (endpoints_.waiting() > 0 && clock_.mono() >= until())
        give_back(endpoints_.remove_all_waiting(), held, outcomes);
    return changed;
}

bool InCharge::take_charge(HeldById& held, Outcomes& outcomes) {
    const MonoTime now = clock_.mono();
    const auto charge = options_.charge();
    if (charge == charge_ && slots_.one_each().none()) return false;
    // What it knows before its lease has begun is only itself.
    if (!charge_ && now >= charge->until) return false;
    const bool is_first = !std::exchange(charge_, charge);
    const Slots::Change change = slots_.update(*charge, now);
    endpoints_.set_one_each(slots_.one_each());
    read_breakers_ = (read_breakers_ | change.gained) & slots_.owned();
    read_lanes_ = (read_lanes_ | change.gained | change.freed) & slots_.owned();
    if (change.lost.any()) let_go(change.lost, held, outcomes);
    return is_first || change.lost.any() || change.gained.any();
}

void InCharge::let_go(const UserSlots& lost, HeldById& held, Outcomes& outcomes) {
    give_back(endpoints_.let_go(lost, clock_.mono()), held, outcomes);
    for (const auto& [id, under_way] : held) {
        if (!owns(under_way.claimed.alert.user_id)) leaving_.insert(id);
    }
}

void InCharge::give_back(std::span<const Uuid> waiting, HeldById& held, Outcomes& outcomes) {
    for (const Uuid& id : waiting) {
        const Held waited = std::move(held.extract(id).mapped());
        if (!waited.launch) outcomes.give_back(waited.claimed, waited.lease_until);
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
