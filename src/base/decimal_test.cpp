#include "base/decimal.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>

namespace pricewire::inline base {
namespace {

std::string shown(std::string_view text, Decimal::Excess excess = Decimal::Excess::refuse) {
    const auto parsed = Decimal::parse(text, excess);
    return parsed ? parsed->to_string() : "error: " + parsed.error().message;
}

// The value of a JSON number as digits with 18 places, computed on strings alone.
std::string by_hand(const std::string& whole, const std::string& fraction) {
    std::string f = fraction;
    f.resize(18, '0');
    std::string w = whole.substr(std::min(whole.find_first_not_of('0'), whole.size() - 1));
    while (!f.empty() && f.back() == '0') f.pop_back();
    return f.empty() ? w : w + "." + f;
}

TEST(Decimal, WritesTheShortestExactSpelling) {
    EXPECT_EQ(shown("65420.15"), "65420.15");
    EXPECT_EQ(shown("70000.00"), "70000");
    EXPECT_EQ(shown("0.07101000"), "0.07101");
    EXPECT_EQ(shown("-0.5"), "-0.5");
    EXPECT_EQ(shown("0"), "0");
    EXPECT_EQ(shown("-0"), "0");
    EXPECT_EQ(shown("0.000000000000000001"), "0.000000000000000001");
    EXPECT_EQ(shown("123456789012345.123456789012345678"), "123456789012345.123456789012345678");
}

TEST(Decimal, ReadsExponents) {
    EXPECT_EQ(shown("1e-7"), "0.0000001");
    EXPECT_EQ(shown("1.5E+3"), "1500");
    EXPECT_EQ(shown("12.34e1"), "123.4");
    EXPECT_EQ(shown("1e18"), "1000000000000000000");
    EXPECT_EQ(shown("0e999999999999"), "0");
    EXPECT_EQ(shown("1e-18"), "0.000000000000000001");
}

TEST(Decimal, RefusesTextThatIsNotANumber) {
    for (const char* text : {"", "-", "+1", ".5", "1.", "01", "1e", "1e+", "0x1", "1 ", " 1", "1,5", "NaN",
                             "Infinity", "--1", "1.2.3", "1e5.5", "１"}) {
        EXPECT_EQ(shown(text), "error: not a decimal number") << text;
    }
    EXPECT_EQ(shown(std::string(200, '1')), "error: not a decimal number");
}

TEST(Decimal, RefusesNumbersOutOfRange) {
    EXPECT_EQ(shown("170141183460469231731.687303715884105727"), "170141183460469231731.687303715884105727");
    EXPECT_EQ(shown("170141183460469231731.687303715884105728"), "error: number out of range");
    EXPECT_EQ(shown("1e21"), "error: number out of range");
    EXPECT_EQ(shown("1e1000000"), "error: number out of range");
}

TEST(Decimal, DigitsBeyondThe18thPlaceAreRefusedOrDropped) {
    EXPECT_EQ(shown("0.0000000000000000001"), "error: more than 18 decimal places");
    EXPECT_EQ(shown("1.0000000000000000000"), "1");
    EXPECT_EQ(shown("1.1234567890123456789", Decimal::Excess::truncate), "1.123456789012345678");
    EXPECT_EQ(shown("1e-30", Decimal::Excess::truncate), "0");
    EXPECT_EQ(shown("1e-30"), "error: more than 18 decimal places");
}

TEST(Decimal, AgreesWithArithmeticOnStrings) {
    rc::check([] {
        const auto digits = [](int low, int high) {
            return *rc::gen::resize(
                high, rc::gen::container<std::string>(static_cast<std::size_t>(*rc::gen::inRange(low, high)),
                                                      rc::gen::inRange('0', static_cast<char>('9' + 1))));
        };
        std::string whole = digits(1, 20);
        whole = whole.substr(std::min(whole.find_first_not_of('0'), whole.size() - 1));
        const std::string fraction = digits(0, 19);
        const std::string text = fraction.empty() ? whole : whole + "." + fraction;
        RC_ASSERT(shown(text) == by_hand(whole, fraction));
    });
}

TEST(Decimal, EveryValueReadsBackTheSame) {
    rc::check([](std::int64_t high, std::uint64_t low) {
        const auto raw = (static_cast<Decimal::Raw>(high) << 62) + static_cast<Decimal::Raw>(low);
        const Decimal value = Decimal::from_raw(raw);
        RC_ASSERT(Decimal::parse(value.to_string()).value() == value);
    });
}

TEST(Decimal, OrdersAndHalvesWithoutOverflow) {
    rc::check([](std::int64_t a, std::int64_t b) {
        const Decimal x = Decimal::from_raw(static_cast<Decimal::Raw>(a) << 60);
        const Decimal y = Decimal::from_raw(static_cast<Decimal::Raw>(b) << 60);
        RC_ASSERT((x < y) == (a < b));
        const Decimal middle = Decimal::midpoint(x, y);
        RC_ASSERT(std::min(x, y) <= middle);
        RC_ASSERT(middle <= std::max(x, y));
    });
    EXPECT_EQ(Decimal::midpoint(Decimal::parse("1.1").value(), Decimal::parse("1.2").value()).to_string(),
              "1.15");
    EXPECT_EQ(Decimal::from_int(100).scaled_bp(250).to_string(), "2.5");
    EXPECT_EQ((-Decimal::from_int(3)).abs(), Decimal::from_int(3));
}

TEST(Decimal, RoundsToSignificantDigits) {
    const auto rounded = [](std::string_view text, int digits) {
        return Decimal::parse(text).value().rounded(digits).to_string();
    };
    EXPECT_EQ(rounded("65452.1934056", 7), "65452.19");
    EXPECT_EQ(rounded("65452.195", 7), "65452.2");
    EXPECT_EQ(rounded("99999.999", 7), "100000");
    EXPECT_EQ(rounded("0.14356151416", 7), "0.1435615");
    EXPECT_EQ(rounded("0.000000000012345678", 7), "0.00000000001234568");
    EXPECT_EQ(rounded("123456789", 7), "123456800");
    EXPECT_EQ(rounded("1234567", 7), "1234567");
    EXPECT_EQ(rounded("0", 7), "0");
    EXPECT_EQ(rounded("100000000000000000", 1), "100000000000000000");
    for (int places = 0; places <= 18; ++places) {
        const Decimal one = Decimal::from_raw(Decimal::one_raw / [&] {
            Decimal::Raw power = 1;
            for (int i = 0; i < places; ++i) power *= 10;
            return power;
        }());
        EXPECT_EQ(one.rounded(1), one) << places;
    }
}

}  // namespace
}  // namespace pricewire::inline base
