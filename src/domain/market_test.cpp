#include "domain/market.hpp"

#include <gtest/gtest.h>

namespace pricewire {
namespace {

std::int64_t spread(std::string_view value, std::string_view price) {
    return spread_bp10(*Decimal::parse(value), *Decimal::parse(price));
}

TEST(Spread, IsInTenthsOfABasisPoint) {
    EXPECT_EQ(spread("100.01", "100"), 10);
    EXPECT_EQ(spread("99.5", "100"), -500);
    EXPECT_EQ(spread("100", "100"), 0);
    EXPECT_EQ(spread("0.000000001001", "0.000000001"), 100);
}

TEST(Spread, OfTheDearestAndOfAWildPriceDoesNotOverflow) {
    EXPECT_EQ(spread("100010000000000000", "100000000000000000"), 10);
    EXPECT_EQ(spread("65000000000", "65000"), 10'000'000'000);
    EXPECT_EQ(spread("100000000000000000", "0.000000000000000001"), 10'000'000'000);
}

}  // namespace
}  // namespace pricewire
