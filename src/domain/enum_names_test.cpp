#include "domain/enum_names.hpp"

#include <gtest/gtest.h>

#include "domain/condition.hpp"

namespace pricewire::inline domain {
namespace {

enum class Color : std::uint8_t { red, green, blue };
constexpr auto colors = enum_names<Color>({{Color::red, "r"}, {Color::green, "gr"}, {Color::blue, "bl"}});

TEST(EnumNames, WritesReadsAndListsFromOneTable) {
    EXPECT_EQ(colors.name(Color::green), "gr");
    EXPECT_EQ(colors.name(static_cast<Color>(3)), "unknown");
    EXPECT_EQ(colors.parse("bl"), Color::blue);
    EXPECT_EQ(colors.parse("unknown"), std::nullopt);
    EXPECT_EQ(colors.parse(""), std::nullopt);
    EXPECT_EQ(colors.choices(), "'r', 'gr' or 'bl'");
    EXPECT_EQ(colors.longest(), 2U);
}

TEST(EnumNames, KnowsWhichValuesAreEnumerators) {
    static_assert(is_enumerator<Color::blue>());
    static_assert(!is_enumerator<static_cast<Color>(3)>(), "a table without its last value must not compile");
}

TEST(Condition, HoldsBeyondTheTargetOnItsSideAndNotAtIt) {
    const Decimal target = Decimal::from_int(100);
    const auto around = [&](Condition c) {
        std::string out;
        for (const int price : {99, 100, 101}) out += holds(c, Decimal::from_int(price), target) ? '1' : '0';
        return out;
    };
    EXPECT_EQ(around(Condition::gt), "001");
    EXPECT_EQ(around(Condition::lt), "100");
}

}  // namespace
}  // namespace pricewire::inline domain
