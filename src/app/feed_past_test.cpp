#include "app/feed_past.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace pricewire::app {
namespace {

ops::Config config_with(std::initializer_list<const char*> sources) {
    ops::Config config;
    for (const char* name : sources) {
        const feed::VenueType* venue = feed::find_venue_type(name);
        config.sources[name] = {
            .enabled = true, .rest_url = "http://" + std::string(name), .weight = venue->weight};
    }
    return config;
}

TEST(FeedPast, AsksEnabledExchangesThatHaveARestAddress) {
    ops::Config config = config_with({"binance", "kraken", "okx", "coingecko"});
    config.sources["okx"].rest_url.clear();
    config.sources["binance"].weight = 2;
    config.sources["kraken"].enabled = false;
    const auto asked = asked_venues_of(config);
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked[0].type->name, SourceName("binance"));
    EXPECT_EQ(asked[0].rest_url, "http://binance");
    EXPECT_EQ(asked[0].weight, 2);
}

TEST(FeedPast, FindsPinnedTickersByTheConfiguredSymbolOrTheVenuesRule) {
    ops::Config config = config_with({"binance", "kraken", "coingecko"});
    config.market.symbols["kraken"]["BTC"] = "XBT/EUR";
    const auto places = places_by_rule(config, "BTC");
    ASSERT_EQ(places.size(), 2U);
    EXPECT_TRUE(std::ranges::count(places, past::Place{"kraken", "XBT/EUR"}) == 1);
    EXPECT_TRUE(std::ranges::count(places, past::Place{"binance", "BTCUSDT"}) == 1);
}

}  // namespace
}  // namespace pricewire::app
