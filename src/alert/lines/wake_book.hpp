#pragma once

#include <absl/container/btree_set.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "alert/lines/timers.hpp"
#include "base/decimal.hpp"
#include "domain/condition.hpp"

namespace pricewire::alert {

// An ordered key of 20 bytes: a number, encoded so that keys compare as numbers do, then the slot.
struct WakeKey {
    std::array<std::uint32_t, 4> number;  // most significant first, offset so that it compares unsigned
    Slot slot;
    friend auto operator<=>(const WakeKey&, const WakeKey&) = default;

    static WakeKey of(Decimal number, Slot slot) {
        const auto bits = static_cast<Decimal::Unsigned>(number.raw()) ^ top;
        return {{static_cast<std::uint32_t>(bits >> 96), static_cast<std::uint32_t>(bits >> 64),
                 static_cast<std::uint32_t>(bits >> 32), static_cast<std::uint32_t>(bits)},
                slot};
    }
    Decimal value() const {
        Decimal::Unsigned bits = 0;
        for (const std::uint32_t word : number) bits = bits << 32 | word;
        return Decimal::from_raw(static_cast<Decimal::Raw>(bits ^ top));
    }

private:
    static constexpr Decimal::Unsigned top = static_cast<Decimal::Unsigned>(1) << 127;
};

// Numbers with the slots of alerts, the one that a line reaches first in front: the lowest of a book above, the highest of
// one below. Pure; owned by one thread.
template <Side side>
class OrderedSlots {
public:
    void insert(Decimal number, Slot slot) { keys_.insert(key_of(number, slot)); }
    bool erase(Decimal number, Slot slot) { return keys_.erase(key_of(number, slot)) > 0; }
    bool empty() const { return keys_.empty(); }
    std::size_t size() const { return keys_.size(); }
    // There is one.
    Decimal best() const { return number_of(*keys_.begin()); }
    // Appends and removes the slots in front, as long as `reached(number)`.
    template <typename Reached>
    void take(Reached reached, std::vector<Slot>& out) {
        auto end = keys_.begin();
        for (; end != keys_.end() && reached(number_of(*end)); ++end) out.push_back(end->slot);
        keys_.erase(keys_.begin(), end);
    }
    void merge(OrderedSlots& other) {
        if (other.size() > size()) keys_.swap(other.keys_);
        keys_.insert(other.keys_.begin(), other.keys_.end());
        other.keys_.clear();
    }

private:
    // Below, the number is complemented, which reverses the order and cannot overflow.
    static WakeKey key_of(Decimal number, Slot slot) {
        return WakeKey::of(side == Side::above ? number : Decimal::from_raw(~number.raw()), slot);
    }
    static Decimal number_of(const WakeKey& key) {
        const Decimal number = key.value();
        return side == Side::above ? number : Decimal::from_raw(~number.raw());
    }
    absl::btree_set<WakeKey> keys_;
};

// True if `value` is at `level` or beyond it.
template <Side side>
constexpr bool reaches(Decimal value, Decimal level) {
    return side == Side::above ? value >= level : value <= level;
}
inline constexpr Decimal greatest_decimal =
    Decimal::from_raw(static_cast<Decimal::Raw>(~static_cast<Decimal::Unsigned>(0) >> 1));
inline constexpr Decimal least_decimal = Decimal::from_raw(-greatest_decimal.raw() - 1);
// The level that no price reaches, and the one that all do.
template <Side side>
inline constexpr Decimal never_reached = side == Side::above ? greatest_decimal : least_decimal;
template <Side side>
inline constexpr Decimal always_reached = side == Side::above ? least_decimal : greatest_decimal;
// The one that is reached first.
template <Side side>
constexpr Decimal nearer(Decimal a, Decimal b) {
    return (side == Side::above ? a < b : a > b) ? a : b;
}

}  // namespace pricewire::alert
