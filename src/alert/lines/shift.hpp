#pragma once

#include <cstdint>

#include "alert/lines/wake_book.hpp"
#include "base/decimal.hpp"

namespace pricewire::alert {

// anchor × factor + amount: the value at which an alert whose level moves with an anchor is to be looked at. It may wake
// an alert a little early, never late, since what is looked at is then judged exactly.
struct Shift {
    static constexpr std::int64_t whole = 1'000'000'000'000;

    std::int64_t factor = whole;  // in 10^-12; >= 0
    Decimal amount;
    friend bool operator==(const Shift&, const Shift&) = default;
};

// Where the factor is not 1, nearer by 4 × 10^-18, more than what two percentages are cut by. Out of range: the nearest
// in range. `anchor` >= 0.
template <Side side>
constexpr Decimal shifted(Decimal anchor, const Shift& shift) {
    const Decimal::Raw part = shift.factor - Shift::whole;
    Decimal::Raw value = 0;
    // anchor × part / whole, without a product that overflows where its quotient does not.
    bool fits = !__builtin_mul_overflow(anchor.raw() / Shift::whole, part, &value);
    fits = fits && !__builtin_add_overflow(value, anchor.raw() % Shift::whole * part / Shift::whole, &value);
    fits = fits && !__builtin_add_overflow(value, anchor.raw(), &value);
    fits = fits && (part == 0 || !__builtin_add_overflow(value, side == Side::above ? -4 : 4, &value));
    fits = fits && !__builtin_add_overflow(value, shift.amount.raw(), &value);
    if (fits) return Decimal::from_raw(value);
    return part > 0 || shift.amount.is_positive() ? greatest_decimal : least_decimal;
}

// Shifts that differ in one number only, by which they are in the same order whatever the anchor.
struct ShiftFamily {
    bool by_factor = false;  // the factors differ; else the amounts
    Shift fixed;             // the number that differs is left as it is by default
    friend bool operator==(const ShiftFamily&, const ShiftFamily&) = default;

    Shift with(Decimal order) const {
        Shift shift = fixed;
        if (by_factor) {
            shift.factor = static_cast<std::int64_t>(order.raw());
        } else {
            shift.amount = order;
        }
        return shift;
    }
};

// To which family a shift belongs, and its place there. One that has both a factor and an amount is put down with an amount
// that is nearer by up to a sixteenth, so that there are few families.
template <Side side>
constexpr std::pair<ShiftFamily, Decimal> place_of(const Shift& shift) {
    if (shift.factor == Shift::whole) return {{false, {}}, shift.amount};
    ShiftFamily family{true, {}};
    if (!shift.amount.is_zero()) {
        Decimal::Raw unit = 1;
        while (shift.amount.abs().raw() / unit >= 32) unit *= 2;
        Decimal::Raw steps = shift.amount.raw() / unit;
        if (shift.amount.raw() % unit != 0) {
            if (side == Side::above && shift.amount.raw() < 0) --steps;
            if (side == Side::below && shift.amount.raw() > 0) ++steps;
        }
        family.fixed.amount = Decimal::from_raw(steps * unit);
    }
    return {family, Decimal::from_raw(shift.factor)};
}

// The alerts of one family, which wait for a value at their shift of one anchor. Pure; owned by one thread.
template <Side side>
class ShiftBook {
public:
    explicit ShiftBook(const ShiftFamily& family) : family_(family) {}

    const ShiftFamily& family() const { return family_; }
    bool empty() const { return slots_.empty(); }
    void insert(Decimal order, Slot slot) { slots_.insert(order, slot); }
    bool erase(Decimal order, Slot slot) { return slots_.erase(order, slot); }
    void merge(ShiftBook& other) { slots_.merge(other.slots_); }

    // The value that wakes the first.
    Decimal guard(Decimal anchor) const {
        return empty() ? never_reached<side> : shifted<side>(anchor, family_.with(slots_.best()));
    }
    void take_all(std::vector<Slot>& out) {
        slots_.take([](Decimal) { return true; }, out);
    }
    // Takes those that `value` wakes, and calls taken(order, slot) for each.
    template <typename Taken>
    void take(Decimal anchor, Decimal value, std::vector<Slot>& out, Taken&& taken) {
        const std::size_t before = out.size();
        std::vector<Decimal> orders;
        slots_.take(
            [&](Decimal order) {
                if (!reaches<side>(value, shifted<side>(anchor, family_.with(order)))) return false;
                orders.push_back(order);
                return true;
            },
            out);
        for (std::size_t i = 0; i < orders.size(); ++i) taken(orders[i], out[before + i]);
    }
    void take(Decimal anchor, Decimal value, std::vector<Slot>& out) {
        slots_.take(
            [&](Decimal order) { return reaches<side>(value, shifted<side>(anchor, family_.with(order))); },
            out);
    }

private:
    ShiftFamily family_;
    OrderedSlots<side> slots_;
};

}  // namespace pricewire::alert
