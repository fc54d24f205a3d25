// The matcher at the ends of its ranges.
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

#include "alert/matcher.hpp"

namespace pricewire::alert {
namespace {

TEST(MatcherLimits, OrdersTheWholeRangeOfDecimalsOnBothSides) {
    using Limits = std::numeric_limits<Decimal::Raw>;
    const Decimal most = Decimal::from_raw(Limits::max());
    const Decimal least = Decimal::from_raw(Limits::min());
    const Decimal tiny = Decimal::from_raw(1);
    const auto id = [](std::uint8_t number) {
        Uuid out;
        out.bytes[15] = number;
        return out;
    };
    Matcher matcher;
    matcher.add({id(1), "BTC", Condition::gt, most});
    matcher.add({id(2), "BTC", Condition::gt, tiny});
    matcher.add({id(3), "BTC", Condition::lt, tiny});
    matcher.add({id(4), "BTC", Condition::lt, least});
    matcher.add({id(5), "BTC", Condition::lt, most});
    matcher.add({id(6), "BTC", Condition::gt, least});
    const auto fired_by = [&](Decimal price) {
        std::vector<Uuid> fired;
        matcher.on_price("BTC", price, fired);
        return fired;
    };
    EXPECT_EQ(fired_by(tiny), (std::vector{id(6), id(5)}));
    EXPECT_EQ(fired_by(most), std::vector{id(2)});
    EXPECT_EQ(fired_by(least), std::vector{id(3)});
    EXPECT_EQ(matcher.size(), 2U) << "nothing is above the most, or below the least";
}

TEST(MatcherLimits, RefusesOneTickerTooManyAndDoesNotTakeItForAnother) {
    Matcher matcher;
    for (int i = 0; i <= 0xffff; ++i) matcher.on_price_gone(std::string_view(std::to_string(i)));
    EXPECT_THROW(matcher.on_price_gone("ONEMORE"), std::length_error);
    EXPECT_THROW(matcher.on_price_gone("ONEMORE"), std::length_error);
    std::vector<Uuid> fired;
    matcher.add({{}, "7", Condition::gt, Decimal::from_int(1)});
    matcher.on_price("7", Decimal::from_int(2), fired);
    EXPECT_EQ(fired.size(), 1U) << "the others still work";
}

}  // namespace
}  // namespace pricewire::alert
