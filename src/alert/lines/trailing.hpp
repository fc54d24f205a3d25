#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_set.h>

#include <map>
#include <utility>
#include <vector>

#include "alert/lines/shift.hpp"

namespace pricewire::alert {

// The alerts of one family whose anchor is the highest (`extreme` above) or lowest price since a start of their own. Those
// with the same extreme are a class: a new extreme moves classes, not alerts, and classes that meet stay together, so that
// an alert moves O(log n) times at most. Pure; owned by one thread.
template <Side side>
class TrailingClasses {
public:
    TrailingClasses(Side extreme, const ShiftFamily& family) : extreme_(extreme), family_(family) {}

    Side extreme() const { return extreme_; }
    const ShiftFamily& family() const { return family_; }
    bool empty() const { return classes_.empty(); }
    std::size_t classes() const { return classes_.size(); }

    void insert(Decimal anchor, Decimal order, Slot slot) {
        auto place = classes_.try_emplace(anchor, family_).first;
        hide(place);
        place->second.insert(order, slot);
        taken_.erase({order, slot});
        show(place);
    }
    bool erase(Decimal anchor, Decimal order, Slot slot) {
        if (const auto place = classes_.find(anchor); place != classes_.end() && erase(place, order, slot)) {
            return true;
        }
        if (taken_.erase({order, slot}) > 0) return false;
        // Thinning of the line's past may have changed what its anchor is taken for.
        for (auto place = classes_.begin(); place != classes_.end(); ++place) {
            if (erase(place, order, slot)) return true;
        }
        return false;
    }

    // A price that is over: the anchor of all that it beats. False if it beats none.
    bool on_price(Decimal price) {
        if (classes_.empty()) return false;
        if (extreme_ == Side::above) {
            if (!(classes_.begin()->first < price)) return false;
            gather(classes_.begin(), classes_.lower_bound(price), price);
        } else {
            if (!(classes_.rbegin()->first > price)) return false;
            gather(classes_.upper_bound(price), classes_.end(), price);
        }
        return true;
    }

    // A price at that or beyond it is the anchor of some when it is over.
    template <Side of>
    Decimal moves_from() const {
        if (of != extreme_ || classes_.empty()) return never_reached<of>;
        const Decimal nearest = of == Side::above ? classes_.begin()->first : classes_.rbegin()->first;
        if (nearest == never_reached<of>) return nearest;
        return Decimal::from_raw(nearest.raw() + (of == Side::above ? 1 : -1));
    }

    // The value that wakes the first.
    Decimal guard() const {
        if (guards_.empty()) return never_reached<side>;
        return side == Side::above ? guards_.begin()->first : guards_.rbegin()->first;
    }
    // Takes those that `value` wakes.
    void take(Decimal value, std::vector<Slot>& out) {
        if (!reaches<side>(value, guard()) || guards_.empty()) return;
        taken_.clear();
        const auto taken = [this](Decimal order, Slot slot) { taken_.emplace(order, slot); };
        while (reaches<side>(value, guard()) && !guards_.empty()) {
            const Decimal anchor = side == Side::above ? guards_.begin()->second : guards_.rbegin()->second;
            const auto place = classes_.find(anchor);
            hide(place);
            place->second.take(anchor, value, out, taken);
            show(place);
        }
    }

    // Values from `low` to `high` since a late one, when `in_effect` was: takes those whose anchor they may have moved,
    // and that one of them, thus the farthest, would have woken before. Where a new extreme wakes early, take() has
    // woken them. Without one in effect, their anchor may have been any.
    void take_late(std::optional<Decimal> in_effect, Decimal low, Decimal high, std::vector<Slot>& out) {
        if (side != extreme_) return;
        const Decimal least = extreme_ == Side::above ? Decimal{} : greatest_decimal;
        const Decimal farthest = side == Side::above ? high : low;
        for (auto place = classes_.lower_bound(low); place != classes_.end() && place->first <= high;) {
            const auto next = std::next(place);
            hide(place);
            place->second.take(in_effect.value_or(least), farthest, out);
            show(place);
            place = next;
        }
    }

    // Takes those whose anchor is between the two.
    void take_anchored(Decimal low, Decimal high, std::vector<Slot>& out) {
        for (auto place = classes_.lower_bound(low); place != classes_.end() && place->first <= high;) {
            const auto next = std::next(place);
            hide(place);
            place->second.take_all(out);
            show(place);
            place = next;
        }
    }

private:
    using Classes = std::map<Decimal, ShiftBook<side>>;
    using Place = typename Classes::iterator;

    void hide(Place place) {
        if (!place->second.empty()) guards_.erase({place->second.guard(place->first), place->first});
    }
    void show(Place place) {
        if (place->second.empty()) {
            classes_.erase(place);
        } else {
            guards_.insert({place->second.guard(place->first), place->first});
        }
    }
    bool erase(Place place, Decimal order, Slot slot) {
        const Decimal before = place->second.guard(place->first);
        if (!place->second.erase(order, slot)) return false;
        guards_.erase({before, place->first});
        show(place);
        return true;
    }
    // [first, last) becomes one class with this anchor.
    void gather(Place first, Place last, Decimal anchor) {
        ShiftBook<side> all(family_);
        for (auto place = first; place != last;) {
            hide(place);
            all.merge(place->second);
            place = classes_.erase(place);
        }
        const auto place = classes_.try_emplace(anchor, family_).first;
        hide(place);
        place->second.merge(all);
        show(place);
    }

    Side extreme_;
    ShiftFamily family_;
    Classes classes_;
    absl::btree_set<std::pair<Decimal, Decimal>> guards_;  // the value that wakes a class's first, its anchor
    // What the last take() that took any has removed, so that whoever was woken need not be looked for in all classes when he
    // leaves this one.
    absl::flat_hash_set<std::pair<Decimal, Slot>> taken_;
};

}  // namespace pricewire::alert
