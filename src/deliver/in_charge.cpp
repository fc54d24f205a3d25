#include "deliver/in_charge.hpp"

#include <utility>

namespace pricewire::deliver {
namespace {

// Lanes that are read in one step of the sender's thread.
constexpr std::size_t lanes_at_once = 20'000;

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
    endpoints_.set_one_each(slots_.one_each(), now);
    to_read_ = (to_read_ | change.gained | change.freed) & slots_.owned();
    if ((change.gained | change.freed).any()) lanes_after_.clear();
    if (change.lost.any()) let_go(change.lost, held, outcomes);
    return is_first || change.lost.any() || change.gained.any();
}

void InCharge::let_go(const UserSlots& lost, HeldById& held, Outcomes& outcomes) {
    Endpoints::LetGo gone = endpoints_.let_go(lost, clock_.mono());
    give_back(gone.waited, held, outcomes);
    for (Breaker& breaker : gone.breakers) keep(std::move(breaker));
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
    if (is_settled() || !leaving_.empty() || !unwritten_.empty()) return;
    settled_view_ = charge_->view;
    if (options_.settled_by) options_.settled_by(settled_view_);
}

void InCharge::catch_up(WriteBack& write_back) {
    // Before others', or what was known here before, is read.
    if (!unwritten_.empty() || (to_read_.any() && endpoints_.breakers_changed())) write_breakers(write_back);
    if (to_read_.any()) read();
}

void InCharge::read() {
    std::vector<Breaker> breakers;
    if (lanes_after_.empty()) breakers = storage_.breakers();
    std::erase_if(breakers, [&](const Breaker& b) { return !to_read_.test(user_slot(b.user_id)); });
    std::vector<std::string> lanes = storage_.lanes(lanes_at_once, lanes_after_);
    const bool is_last = lanes.size() < lanes_at_once;
    if (!is_last) lanes_after_ = lanes.back();
    std::erase_if(lanes, [&](const std::string& lane) {
        const auto user = Endpoints::user_of_lane(lane);
        return !user || !to_read_.test(user_slot(*user));
    });
    endpoints_.restore(breakers, lanes, clock_.moment());
    if (!is_last && endpoints_.knows_more()) return;
    lanes_after_.clear();
    to_read_.reset();
}

void InCharge::keep(Breaker&& breaker) {
    unwritten_[{breaker.user_id, breaker.endpoint}] = std::move(breaker);
}

std::vector<Breaker> InCharge::unwritten_breakers() {
    for (Breaker& breaker : endpoints_.take_changed_breakers()) {
        if (owns(breaker.user_id)) keep(std::move(breaker));
    }
    std::vector<Breaker> out;
    out.reserve(unwritten_.size());
    for (const auto& [key, breaker] : unwritten_) out.push_back(breaker);
    return out;
}

void InCharge::write_breakers(WriteBack& write_back) {
    write_back.write_breakers(unwritten_breakers());
    unwritten_.clear();
}

}  // namespace pricewire::deliver
