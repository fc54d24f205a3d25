#include "rule/levels.hpp"

#include <bit>
#include <cstdint>

namespace pricewire::rule {
namespace {

using Raw = Decimal::Raw;
using Unsigned = Decimal::Unsigned;

constexpr auto max_raw = static_cast<Unsigned>(~static_cast<Unsigned>(0) >> 1);

constexpr Unsigned magnitude(Raw value) {
    return value < 0 ? -static_cast<Unsigned>(value) : static_cast<Unsigned>(value);
}

struct Wide {
    Unsigned high, low;
};

Wide multiply(Unsigned a, Unsigned b) {
    constexpr Unsigned mask = ~std::uint64_t{0};
    const Unsigned a0 = a & mask, a1 = a >> 64, b0 = b & mask, b1 = b >> 64;
    const Unsigned low = a0 * b0;
    const Unsigned cross = a1 * b0 + (low >> 64);
    const Unsigned other = a0 * b1 + (cross & mask);
    return {a1 * b1 + (cross >> 64) + (other >> 64), other << 64 | (low & mask)};
}

// The next 64 bits of a long division. `by` has its top bit set, and `rest` < by; what remains becomes the rest.
std::uint64_t next_digit(Unsigned& rest, std::uint64_t next, Unsigned by) {
    if ((rest >> 64) == 0 && (rest << 64 | next) < by) {
        rest = rest << 64 | next;
        return 0;
    }
    const auto by_high = static_cast<std::uint64_t>(by >> 64), by_low = static_cast<std::uint64_t>(by);
    // By the divisor's first half: too great by two at most.
    Unsigned digit = ~std::uint64_t{0};
    if ((rest >> 64) < by_high) digit = rest / by_high;
    Unsigned left = rest - digit * by_high;
    while ((left >> 64) == 0 && digit * by_low > (left << 64 | next)) {
        --digit;
        left += by_high;
    }
    rest = (rest << 64 | next) - digit * by;  // less than `by`, so that what is cut off does not count
    return static_cast<std::uint64_t>(digit);
}

// value.high < by, so that the quotient fits.
Unsigned divide(Wide value, Unsigned by) {
    const auto top = static_cast<std::uint64_t>(by >> 64);
    const int shift =
        top != 0 ? std::countl_zero(top) : 64 + std::countl_zero(static_cast<std::uint64_t>(by));
    if (shift > 0) value.high = value.high << shift | value.low >> (128 - shift);
    value.low <<= shift;
    by <<= shift;
    Unsigned rest = value.high;
    const Unsigned high = next_digit(rest, static_cast<std::uint64_t>(value.low >> 64), by);
    return high << 64 | next_digit(rest, static_cast<std::uint64_t>(value.low), by);
}

constexpr Raw micro_raw = Decimal::one_raw / 1'000'000;

// Percentages have up to four decimals, so that a millionth of the level is their unit.
constexpr Raw percent_unit = Decimal::one_raw / 10'000;
constexpr Raw percent_units = 1'000'000;

// Without 256 bits: the quotient and the rest of the level in millionths, each times a small number.
std::optional<Raw> short_percentage(Raw of, Raw units) {
    Raw whole = 0, part = 0, sum = 0;
    if (__builtin_mul_overflow(of / percent_units, units, &whole)) return std::nullopt;
    if (__builtin_mul_overflow(of % percent_units, units, &part)) return std::nullopt;
    if (__builtin_add_overflow(whole, part / percent_units, &sum)) return std::nullopt;
    return sum;
}

// Whether a value is below or above a bound by its margin. Beyond the range of Decimal, no value is.
bool is_below(Decimal value, const Bound& bound) {
    Raw limit = 0;
    return !__builtin_sub_overflow(bound.level.raw(), bound.margin.raw(), &limit) && value.raw() <= limit;
}
bool is_above(Decimal value, const Bound& bound) {
    Raw limit = 0;
    return !__builtin_add_overflow(bound.level.raw(), bound.margin.raw(), &limit) && value.raw() >= limit;
}

}  // namespace

std::optional<Raw> mul_div(Raw a, Raw b, Raw c) {
    const Wide product = multiply(magnitude(a), magnitude(b));
    const Unsigned by = magnitude(c);
    if (product.high >= by) return std::nullopt;
    const Unsigned quotient = product.high == 0 ? product.low / by : divide(product, by);
    if (quotient > max_raw) return std::nullopt;
    const bool negative = (a < 0) != (b < 0) ? c >= 0 : c < 0;
    return negative ? -static_cast<Raw>(quotient) : static_cast<Raw>(quotient);
}

std::optional<Decimal> ratio(Decimal price, Decimal other) {
    if (!other.is_positive()) return std::nullopt;
    const auto raw = mul_div(price.raw(), Decimal::one_raw, other.raw());
    if (!raw) return std::nullopt;
    return Decimal::from_raw(*raw);
}

// The greatest shift at which the inverse of any number of as many bits fits 128 bits: 10^18 has 60.
RatioTo::RatioTo(Decimal other) : other_(other) {
    if (!other.is_positive()) return;
    const auto by = static_cast<Unsigned>(other.raw());
    const auto high = static_cast<std::uint64_t>(by >> 64);
    const auto low = static_cast<std::uint64_t>(by);
    const int shift = 67 + (high != 0 ? 128 - std::countl_zero(high) : 64 - std::countl_zero(low));
    constexpr auto one = static_cast<Unsigned>(Decimal::one_raw);
    if (shift >= 128) {
        after_ = shift - 128;
        inverse_ = divide({one << after_, 0}, by);
    } else {
        before_ = 128 - shift;
        inverse_ = divide({one >> before_, one << shift}, by);
    }
}

// The quotient is the upper half of the product with the inverse, shifted. What is cut off the inverse is less than one of its
// units, so that the product is too small by less than the value: the quotient is right unless that much would carry into it,
// and too small by one at most, as long as the price is less than 2^shift: then before_ fits. The rest, of a true quotient
// less than `by`, is less than twice that, which is no more than 128 bits.
std::optional<Decimal> RatioTo::of(Decimal price) const {
    const auto value = static_cast<Unsigned>(price.raw());
    const Unsigned shifted = value << before_;
    if (inverse_ == 0 || price.raw() < 0 || shifted >> before_ != value) return ratio(price, other_);
    const Wide product = multiply(shifted, inverse_);
    Unsigned quotient = product.high >> after_;
    if (product.low + shifted < shifted) {
        const auto by = static_cast<Unsigned>(other_.raw());
        if (value * static_cast<Unsigned>(Decimal::one_raw) - quotient * by >= by) ++quotient;
    }
    if (quotient > max_raw) return std::nullopt;
    return Decimal::from_raw(static_cast<Raw>(quotient));
}

Decimal seconds_of(Duration age) {
    return Decimal::from_raw(age.count() * micro_raw);
}

Duration age_of(Decimal seconds) {
    return Duration{static_cast<std::int64_t>(seconds.raw() / micro_raw)};
}

std::optional<Decimal> amount_of(const Change& change, Decimal of) {
    if (!change.is_percent) return change.amount;
    const Raw percent = change.amount.raw();
    const auto raw = percent % percent_unit == 0 ? short_percentage(of.raw(), percent / percent_unit)
                                                 : mul_div(of.raw(), percent, 100 * Decimal::one_raw);
    if (!raw) return std::nullopt;
    return Decimal::from_raw(*raw);
}

std::optional<Decimal> shifted(Decimal anchor, const std::optional<Change>& by) {
    if (!by) return anchor;
    const auto amount = amount_of(*by, anchor);
    Raw sum = 0;
    if (!amount || __builtin_add_overflow(anchor.raw(), amount->raw(), &sum)) return std::nullopt;
    return Decimal::from_raw(sum);
}

std::optional<Bound> bound_at(Decimal anchor, const std::optional<Change>& by,
                              const std::optional<Repeat>& repeat) {
    const auto level = shifted(anchor, by);
    if (!level) return std::nullopt;
    Bound bound{*level, {}};
    if (repeat) {
        const auto margin = amount_of(repeat->rearm, bound.level);
        if (!margin) return std::nullopt;
        bound.margin = margin->abs();
    }
    return bound;
}

Word state_of(Word word) {
    switch (word) {
        case Word::crosses_up:
            return Word::above;
        case Word::crosses_down:
            return Word::below;
        case Word::enters:
            return Word::inside;
        case Word::leaves:
            return Word::outside;
        default:
            return word;
    }
}

std::optional<Side> side_of(Decimal value, Decimal level) {
    if (value == level) return std::nullopt;
    return value > level ? Side::above : Side::below;
}

bool holds(Word word, Decimal value, const Bounds& bounds, std::optional<Side> from) {
    const Decimal lower = bounds.lower.level, upper = bounds.upper.level;
    switch (state_of(word)) {
        case Word::above:
            return value > lower;
        case Word::below:
            return value < lower;
        case Word::inside:
            return lower <= value && value <= upper;
        case Word::outside:
            return value < lower || value > upper;
        default:
            break;
    }
    const auto side = side_of(value, lower);
    return side && from && *side != *from;
}

bool is_calm(Word word, Decimal value, const Bounds& bounds) {
    const auto& [lower, upper] = bounds;
    switch (state_of(word)) {
        case Word::above:
            return is_below(value, lower);
        case Word::below:
            return is_above(value, lower);
        // At a bound is inside, whatever the margin.
        case Word::inside:
            return (is_below(value, lower) || is_above(value, upper)) &&
                   !holds(Word::inside, value, bounds, std::nullopt);
        case Word::outside:
            return is_above(value, lower) && is_below(value, upper);
        default:
            return is_below(value, lower) || is_above(value, lower);
    }
}

}  // namespace pricewire::rule
