#pragma once

#include <optional>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/condition.hpp"
#include "domain/rule.hpp"

// Exact arithmetic of levels, and what words say of a value. Pure.
namespace pricewire::rule {

// a × b / c, cut toward zero, with 256 bits in between; nullopt out of the range of Decimal. c is not 0.
std::optional<Decimal::Raw> mul_div(Decimal::Raw a, Decimal::Raw b, Decimal::Raw c);

// price / other, cut after the 18th place; nullopt where it is out of range, or `other` is not above 0.
std::optional<Decimal> ratio(Decimal price, Decimal other);

// The ratios of many prices to one other: without a division for each.
class RatioTo {
public:
    RatioTo() = default;
    explicit RatioTo(Decimal other);
    // As ratio(price, other).
    std::optional<Decimal> of(Decimal price) const;

private:
    Decimal other_;
    Decimal::Unsigned inverse_ =
        0;  // 10^18 × 2^(128 - before_ + after_) / other_.raw(), cut; 0: it is not above 0
    int before_ = 0, after_ = 0;
};

// An age as a value, in seconds, and back, cut to whole microseconds.
Decimal seconds_of(Duration age);
Duration age_of(Decimal seconds);

// How much `change` is of a level: the amount, or the percentage, cut toward zero. nullopt out of range.
std::optional<Decimal> amount_of(const Change& change, Decimal of);
// An anchor, moved by `by`.
std::optional<Decimal> shifted(Decimal anchor, const std::optional<Change>& by);

// A level, and the margin by which a value is on its calm side.
struct Bound {
    Decimal level;
    Decimal margin;
    friend bool operator==(const Bound&, const Bound&) = default;
};
// Of a level that is moved from `anchor`; nullopt out of range. There is a margin where the alert repeats.
std::optional<Bound> bound_at(Decimal anchor, const std::optional<Change>& by,
                              const std::optional<Repeat>& repeat);
// Of a channel, the lower and the upper one; else both are the same.
struct Bounds {
    Bound lower, upper;
};

// The word whose state a fresh word waits for: above for crosses_up; itself if it does not wait. Of crosses: itself.
Word state_of(Word word);
// above, below, inside, outside: they fire at once where they hold.
constexpr bool is_state(Word word) {
    return word < Word::crosses_up;
}

// Where the value is off the level; nullopt: at it.
std::optional<Side> side_of(Decimal value, Decimal level);

// Whether the word's state holds. `from`: of crosses, the side from which it crosses.
bool holds(Word word, Decimal value, const Bounds& bounds, std::optional<Side> from);
// Whether a value arms an alert that has fired: it is on the calm side by the margin.
bool is_calm(Word word, Decimal value, const Bounds& bounds);

}  // namespace pricewire::rule
