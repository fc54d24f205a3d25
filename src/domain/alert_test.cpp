#include "domain/alert.hpp"

#include <gtest/gtest.h>

namespace pricewire::inline domain {
namespace {

TEST(LateFiring, IsOneTextThatGivesItBack) {
    const Timestamp minute{std::chrono::minutes{28'333'333}};
    const LateFiring between{minute, minute + std::chrono::minutes{1}, {"binance", "kraken"}};
    EXPECT_EQ(to_text(between), "1699999980000000 1700000040000000 binance,kraken");
    EXPECT_EQ(parse_late_firing(to_text(between)), between);
    EXPECT_FALSE(between.is_exact());
    const LateFiring exact{minute, minute, {"okx"}};
    EXPECT_EQ(parse_late_firing(to_text(exact)), exact);
    EXPECT_TRUE(exact.is_exact());
}

TEST(LateFiring, RefusesATextOfAnotherForm) {
    for (const char* text : {"", "1", "1 2", "1 2 ", "2 1 binance", "x 2 binance", "1 2 anexchangewithaname"})
        EXPECT_EQ(parse_late_firing(text), std::nullopt) << text;
}

}  // namespace
}  // namespace pricewire::inline domain
