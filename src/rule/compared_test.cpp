#include "rule/compared.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pricewire::rule {
namespace {

Terms comparing(const std::vector<std::pair<Ticker, Ticker>>& pairs) {
    Terms terms{.joined = pairs.size() > 1 ? Joined::any : Joined::one};
    for (const auto& [one, other] : pairs)
        terms.rules.push_back({.ticker = one, .watched = Watched::ratio, .other = other});
    return terms;
}

Ticker coin(std::size_t i) {
    return Ticker("T" + std::to_string(i));
}

TEST(ComparedTickers, ATickerHasRoomForSixteenOthers) {
    ComparedTickers compared;
    for (std::size_t i = 0; i + 1 < max_ratios; ++i)
        EXPECT_TRUE(compared.take(comparing({{"BTC", coin(i)}})));
    EXPECT_TRUE(compared.take(comparing({{"LAST", "BTC"}}))) << "in either direction";
    EXPECT_FALSE(compared.take(comparing({{"BTC", "MORE"}})));
    EXPECT_FALSE(compared.take(comparing({{"MORE", "BTC"}})));
    EXPECT_TRUE(compared.take(comparing({{"BTC", "LAST"}}))) << "those two are compared already";
    EXPECT_TRUE(compared.take(comparing({{"MORE", "LAST"}})));
}

TEST(ComparedTickers, TheRatiosOfOneAlertCountTogether) {
    ComparedTickers compared;
    for (std::size_t i = 0; i + 1 < max_ratios; ++i) compared.add("BTC", coin(i));
    EXPECT_FALSE(compared.take(comparing({{"BTC", "A"}, {"BTC", "B"}})));
    EXPECT_TRUE(compared.take(comparing({{"BTC", "C"}}))) << "what was refused uses no room";
    EXPECT_FALSE(compared.take(comparing({{"BTC", "A"}})));
}

TEST(ComparedTickers, MoreThanThereMayBeStayUsable) {
    ComparedTickers compared;
    for (std::size_t i = 0; i < max_ratios + 4; ++i) compared.add("BTC", coin(i));
    EXPECT_TRUE(compared.take(comparing({{"BTC", coin(0)}})));
    EXPECT_FALSE(compared.take(comparing({{"BTC", "MORE"}})));
}

}  // namespace
}  // namespace pricewire::rule
