#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
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

    // To so many significant digits, half up. 0 <= value, 1 <= digits.
    constexpr Decimal rounded(int digits) const {
        const int excess = digits_of(static_cast<Unsigned>(raw_)) - digits;
        if (excess <= 0) return *this;
        const Raw step = powers_of_ten[static_cast<std::size_t>(excess)];
        return from_raw((raw_ + step / 2) / step * step);
    }

    template <typename H>
    friend H AbslHashValue(H h, Decimal d) {
        return H::combine(std::move(h), d.raw_);
    }

private:
    static constexpr auto powers_of_ten = [] {
        std::array<Raw, 39> powers{1};
        for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
        return powers;
    }();
    static constexpr int digits_of(Unsigned value) {
        const auto high = static_cast<std::uint64_t>(value >> 64);
        const int bits = high != 0 ? 64 + static_cast<int>(std::bit_width(high))
                                   : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value)));
        // That many bits are this many digits, or one more: 1233 / 4096 is the logarithm of 2.
        const int digits = bits * 1233 >> 12;
        return digits +
               (value >= static_cast<Unsigned>(powers_of_ten[static_cast<std::size_t>(digits)]) ? 1 : 0);
    }

    Raw raw_ = 0;
};

}  // namespace pricewire::inline base
