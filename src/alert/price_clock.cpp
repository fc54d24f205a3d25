#include "alert/price_clock.hpp"

#include <algorithm>
#include <utility>

namespace pricewire::alert {

void PriceClock::follow(Timestamp now) {
    if (!is_past_) return;
    is_past_ = false;
    followed_ = now;
}

void PriceClock::on_heard(std::string_view feed, Timestamp heard) {
    const auto& before = newest_ ? newest_ : judged_until_;
    if (before && heard - *before > blind_after && !is_taken_) blind_since_ = *before;
    auto& own = feeds_.try_emplace(std::string(feed), heard).first->second;
    if (heard < own - blind_after) {  // its clock was set back
        feeds_.clear();
        feeds_.emplace(feed, heard);
        newest_ = heard;
    } else {
        own = std::max(own, heard);
        newest_ = std::max(newest_.value_or(own), own);
    }
    std::erase_if(feeds_, [this](const auto& other) { return *newest_ - other.second > dead_after; });
    is_taken_ = false;
}

void PriceClock::on_price(const Price& price, Timestamp now) {
    if (now - price.time > usual) slow_until_ = now + fresh;
}

std::optional<Timestamp> PriceClock::least_heard() const {
    std::optional<Timestamp> least;
    for (const auto& [feed, time] : feeds_) least = std::min(least.value_or(time), time);
    return least;
}

bool PriceClock::is_fresh(Timestamp now) const {
    const auto least = least_heard();
    // A sign of life from the future: the clocks of two machines differ, or one was set back.
    return !is_past_ && least && now - *least <= fresh && *least <= now + fresh &&
           (now >= slow_until_ || slow_until_ > now + fresh);
}

std::optional<Timestamp> PriceClock::certain(Timestamp now) const {
    auto out = least_heard();
    if (is_past_) return out;
    if (out) out = std::min(*out, now);
    if (now - heard_or_start() >= longest) out = std::max(out.value_or(now - longest), now - longest);
    return out;
}

std::optional<Timestamp> PriceClock::until(Timestamp now) const {
    const auto out = certain(now);
    return is_fresh(now) ? std::max(out.value_or(now - usual), now - usual) : out;
}

Timestamp PriceClock::until_reaches(Timestamp moment, Timestamp now) const {
    const Timestamp soon = std::max(moment + usual, now);
    return is_fresh(now) && is_fresh(soon) ? soon : certain_reaches(moment);
}

std::optional<Timestamp> PriceClock::sign_for(Timestamp moment, Timestamp now) const {
    if (feeds_.contains(std::string_view{}) || is_given(moment, now)) return std::nullopt;
    return std::min(moment, *least_heard() + most_awaited);
}

bool PriceClock::is_given(Timestamp sign, Timestamp now) const {
    const auto least = least_heard();
    return !least || *least >= sign || now - *newest_ >= longest;
}

std::optional<Timestamp> PriceClock::take_blind(Timestamp now) {
    if (!is_past_ && newest_ && !is_taken_ && now - *newest_ >= longest) {
        is_taken_ = true;
        return newest_;
    }
    return std::exchange(blind_since_, std::nullopt);
}

}  // namespace pricewire::alert
