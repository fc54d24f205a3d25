#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <optional>

#include "base/decimal.hpp"
#include "domain/rule.hpp"

// The arithmetic of the brute force, in integers of any size.
namespace pricewire::rule::brute_force {

using Integer = boost::multiprecision::cpp_int;

inline Integer to_integer(Decimal value) {
    const bool negative = value.raw() < 0;
    const auto magnitude = static_cast<Decimal::Unsigned>(negative ? -value.raw() : value.raw());
    Integer out = static_cast<std::uint64_t>(magnitude >> 64);
    out <<= 64;
    out += static_cast<std::uint64_t>(magnitude);
    return negative ? -out : out;
}
// nullopt: it is out of the range of prices.
inline std::optional<Decimal> to_decimal(const Integer& value) {
    const Integer magnitude = abs(value);
    if ((magnitude >> 127) != 0) return std::nullopt;
    const auto high = static_cast<std::uint64_t>(magnitude >> 64);
    const auto low = static_cast<std::uint64_t>(magnitude & Integer(~std::uint64_t{0}));
    const auto raw = static_cast<Decimal::Raw>(static_cast<Decimal::Unsigned>(high) << 64 | low);
    return Decimal::from_raw(value < 0 ? -raw : raw);
}
// A percentage is cut after the 18th place, toward zero: as the division of integers is.
inline Integer change_of(const Change& change, const Integer& of) {
    if (!change.is_percent) return to_integer(change.amount);
    return of * to_integer(change.amount) / (Integer(100) * to_integer(Decimal::from_int(1)));
}

}  // namespace pricewire::rule::brute_force
