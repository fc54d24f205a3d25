#include "deliver/exposure.hpp"

namespace pricewire::deliver {

void Exposure::began(const Uuid& id, std::size_t& mine, const AnswerTimes& times, MonoTime now) {
    const Duration expected = times.expected();
    if (expected == Duration::zero()) return;
    const MonoTime until = now + expected;
    if (!attempts_.emplace(id, Attempt{&mine, until}).second) return;
    by_age_.emplace(until, id);
    room_.take();
    ++mine;
}

void Exposure::ended(const Uuid& id) {
    const auto it = attempts_.find(id);
    if (it == attempts_.end()) return;
    --*it->second.mine;
    by_age_.erase({it->second.until, id});
    attempts_.erase(it);
    room_.give_back();
}

void Exposure::age(MonoTime now) {
    while (!by_age_.empty() && by_age_.begin()->first <= now) {
        const Uuid id = by_age_.begin()->second;
        ended(id);
    }
}

std::optional<MonoTime> Exposure::next_age() const {
    if (by_age_.empty()) return std::nullopt;
    return by_age_.begin()->first;
}

void Exposure::set_unrecorded(std::size_t count) {
    room_.give_back(unrecorded_);
    room_.take(count);
    unrecorded_ = count;
}

}  // namespace pricewire::deliver
