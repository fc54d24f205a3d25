#include "alert/lines/markets.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pricewire::alert {
namespace {

Rule ratio_to(const Ticker& other) {
    return {.ticker = "BTC", .watched = Watched::ratio, .other = other};
}

// What users make and delete again costs later prices nothing.
TEST(Markets, DropRatiosThatNobodyWatches) {
    RecentPrices recent;
    Markets markets(recent);
    const Terms kept{.rules = {ratio_to("ETH"), ratio_to("BTC")}}, released{.rules = {ratio_to("SOL")}};
    markets.use_ratios(kept);
    markets.use_ratios(released);
    markets.use_ratios(released);
    markets.ratio(ratio_to("LIVE"));
    for (int i = 0; i < 100; ++i) markets.ratio(ratio_to(Ticker("T" + std::to_string(i))));
    EXPECT_EQ(markets.find("BTC")->ratios.size(), 104U);

    const auto is_live = [](const RatioLine& line) { return line.other == Ticker("LIVE"); };
    markets.release_ratios(released);
    markets.drop_ratios(is_live);
    EXPECT_EQ(markets.find("BTC")->ratios.size(), 4U);
    EXPECT_TRUE(markets.find("T7")->ratios.empty());

    markets.release_ratios(released);
    markets.drop_ratios(is_live);
    EXPECT_EQ(markets.find("BTC")->ratios.size(), 3U);
    EXPECT_TRUE(markets.find("SOL")->ratios.empty());
    EXPECT_EQ(markets.find("ETH")->ratios.size(), 1U);

    markets.drop_ratios([](const RatioLine&) { return false; });
    markets.release_ratios(kept);
    markets.drop_ratios([](const RatioLine&) { return false; });
    EXPECT_TRUE(markets.find("BTC")->ratios.empty());
}

}  // namespace
}  // namespace pricewire::alert
