#include "rule/levels.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace pricewire::rule {
namespace {

using Raw = Decimal::Raw;
using Unsigned = Decimal::Unsigned;

// As mul_div() of numbers that are not negative, a bit a step.
std::optional<Raw> slow_mul_div(Unsigned a, Unsigned b, Unsigned c) {
    Unsigned rest = 0, quotient = 0;
    bool fits = true;
    // Horner's rule over the bits of a: rest + quotient * c is the product so far.
    for (int bit = 127; bit >= 0; --bit) {
        fits = fits && (quotient >> 126) == 0;
        quotient <<= 1;
        const auto add = [&](Unsigned more) {
            quotient += more / c;
            more %= c;
            if (more >= c - rest) {
                rest -= c - more;
                ++quotient;
            } else {
                rest += more;
            }
        };
        const Unsigned twice = rest;
        add(twice);
        if ((a >> bit & 1) != 0) add(b);
    }
    if (!fits || quotient >> 127 != 0) return std::nullopt;
    return static_cast<Raw>(quotient);
}

TEST(MulDiv, IsALongDivision) {
    std::mt19937_64 random(1);
    const auto number = [&] {
        const Unsigned all = static_cast<Unsigned>(random()) << 64 | random();
        // Of any length, and often with many ones or zeros at an end.
        const Unsigned bits = all >> (1 + random() % 127);
        return random() % 4 == 0 ? (Unsigned{1} << (random() % 127)) - random() % 2 : bits;
    };
    int fitting = 0;
    for (int i = 0; i < 20'000; ++i) {
        const Unsigned a = number(), b = number(), c = std::max<Unsigned>(number(), 1);
        const auto found = mul_div(static_cast<Raw>(a), static_cast<Raw>(b), static_cast<Raw>(c));
        ASSERT_EQ(found.has_value(), slow_mul_div(a, b, c).has_value());
        if (!found) continue;
        ++fitting;
        ASSERT_TRUE(*found == *slow_mul_div(a, b, c));
    }
    EXPECT_GT(fitting, 5'000);
}

TEST(MulDiv, CutsTowardZero) {
    EXPECT_TRUE(mul_div(7, 1, 2) == 3);
    EXPECT_TRUE(mul_div(-7, 1, 2) == -3);
    EXPECT_TRUE(mul_div(7, 1, -2) == -3);
    EXPECT_TRUE(mul_div(-7, 1, -2) == 3);
}

TEST(RatioTo, IsTheRatio) {
    std::mt19937_64 random(2);
    const auto number = [&] {
        const Unsigned all = static_cast<Unsigned>(random()) << 64 | random();
        const Unsigned bits = all >> (1 + random() % 127);
        const Unsigned edge = (Unsigned{1} << (random() % 127)) - random() % 2;
        return Decimal::from_raw(static_cast<Raw>(random() % 4 == 0 ? edge : bits));
    };
    int fitting = 0;
    for (int i = 0; i < 200'000; ++i) {
        const Decimal other = number();
        const RatioTo to(other);
        // Multiples of it, too, and what is next to them.
        const Decimal some = number();
        const auto multiple = mul_div(static_cast<Raw>(random() % 1000), other.raw(), 7);
        const Decimal near = Decimal::from_raw(multiple.value_or(1) + static_cast<Raw>(random() % 3) - 1);
        for (const Decimal price : {some, near}) {
            const auto expected = ratio(price, other);
            fitting += expected ? 1 : 0;
            ASSERT_EQ(to.of(price), expected) << price.to_string() << " / " << other.to_string();
        }
    }
    EXPECT_GT(fitting, 100'000);
    EXPECT_EQ(RatioTo().of(Decimal::from_int(1)), std::nullopt);
}

}  // namespace
}  // namespace pricewire::rule
