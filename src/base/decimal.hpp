#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::inline base {

// An exact decimal number: a signed 128-bit count of 10^-18. The range is about ±1.7e20 with 18 decimal
// places, enough for the dearest coin and the cheapest token. Never made from a double: prices are parsed
// from their digits. A value type, trivially copyable.
class Decimal {
public:
    // __extension__: a GNU type, which both compilers have.
    __extension__ typedef __int128 Raw;
    __extension__ typedef unsigned __int128 Unsigned;
    static constexpr int places = 18;
    static constexpr Raw one_raw = 1'000'000'000'000'000'000;

    // What parse() does with digits beyond the 18th decimal place.
    enum class Excess { refuse, truncate };

    constexpr Decimal() = default;
    static constexpr Decimal from_raw(Raw raw) {
        Decimal d;
        d.raw_ = raw;
        return d;
    }
    static constexpr Decimal from_int(std::int64_t value) { return from_raw(Raw{value} * one_raw); }

    // Parses a JSON number (RFC 8259 §6: -?int[.frac][e[+-]exp]); all of `text`.
    // Errors: not a number, out of range, or more than 18 decimal places under Excess::refuse. `1e-30` has
    // too many places; `1.0000000000000000000` (nineteen zeros) does not, since its excess digits are zeros.
    static Result<Decimal> parse(std::string_view text, Excess excess = Excess::refuse);

    constexpr Raw raw() const { return raw_; }
    constexpr bool is_positive() const { return raw_ > 0; }
    constexpr bool is_zero() const { return raw_ == 0; }

    // The shortest exact spelling without an exponent: "65420.15", "70000", "-0.5". A valid JSON number.
    std::string to_string() const;
    // For reports and logarithmic scales only, never for comparing or storing a price.
    double to_double() const;

    friend constexpr bool operator==(Decimal, Decimal) = default;
    friend constexpr auto operator<=>(Decimal a, Decimal b) { return a.raw_ <=> b.raw_; }
    friend constexpr Decimal operator-(Decimal a) { return from_raw(-a.raw_); }
    friend constexpr Decimal operator+(Decimal a, Decimal b) { return from_raw(a.raw_ + b.raw_); }
    friend constexpr Decimal operator-(Decimal a, Decimal b) { return from_raw(a.raw_ - b.raw_); }

    // (a + b) / 2, rounded toward zero in the 18th place; cannot overflow.
    static constexpr Decimal midpoint(Decimal a, Decimal b) {
        const Raw half = a.raw_ / 2 + b.raw_ / 2;
        return from_raw(half + (a.raw_ % 2 + b.raw_ % 2) / 2);
    }
    constexpr Decimal abs() const { return raw_ < 0 ? from_raw(-raw_) : *this; }

    // This number times `part` / `whole`, rounded toward zero. 0 <= part <= 1'000 * whole, 0 < whole <= 1e9. Cannot
    // overflow within |value| <= 1e17.
    constexpr Decimal scaled(std::int64_t part, std::int64_t whole) const {
        const Raw q = raw_ / whole;
        const Raw r = raw_ % whole;
        return from_raw(q * part + r * part / whole);
    }
    // For bands around a price. 0 <= basis_points <= 10'000'000.
    constexpr Decimal scaled_bp(std::int64_t basis_points) const { return scaled(basis_points, 10'000); }

    template <typename H>
    friend H AbslHashValue(H h, Decimal d) {
        return H::combine(std::move(h), d.raw_);
    }

private:
    Raw raw_ = 0;
};

}  // namespace pricewire::inline base
