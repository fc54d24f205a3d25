#include "app/past_places.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "directory/directory_fixture.hpp"

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

TEST(PastPlaces, AsksEnabledExchangesThatHaveARestAddress) {
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

TEST(PastPlaces, FindsPinnedTickersByTheConfiguredSymbolOrTheVenuesRule) {
    ops::Config config = config_with({"binance", "kraken", "coingecko"});
    config.market.symbols["kraken"]["BTC"] = "XBT/EUR";
    const auto places = places_by_rule(config, "BTC");
    ASSERT_EQ(places.size(), 2U);
    EXPECT_TRUE(std::ranges::count(places, past::Place{"kraken", "XBT/EUR"}) == 1);
    EXPECT_TRUE(std::ranges::count(places, past::Place{"binance", "BTCUSDT"}) == 1);
}

TEST(PastPlaces, FollowTheListsWhereTheyAreKnown) {
    ops::Config config = config_with({"binance", "kraken", "okx"});
    const auto places = [&](Ticker ticker, directory::Directory::Lists lists) {
        std::string out;
        for (const past::Place& p :
             past_places_of(config, directory::Directory(std::move(lists), {.pinned = {"BTC"}}), ticker))
            out += fmt::format("{}={} ", p.source.view(), p.symbol);
        return out;
    };
    using directory::list_of;
    EXPECT_EQ(places("PEPE", {list_of("binance", {"PEPE/USDT"}), list_of("kraken", {"PEPE/USD-"})}),
              "binance=PEPE/USDT ")
        << "one that was delisted is not asked";
    EXPECT_EQ(places("PEPE", {}), "") << "its list is unknown";
    EXPECT_EQ(places("BTC", {list_of("kraken", {"BTC/USD"})}), "binance=BTCUSDT kraken=BTC/USD okx=BTC-USDT ")
        << "a pinned ticker has the symbols of the venues' rules";
    config.market.symbols["okx"]["PEPE"] = "PEPE-EUR";
    EXPECT_EQ(places("PEPE", {list_of("okx", {"PEPE/USDT"})}), "okx=PEPE-EUR ");

    auto other_coin = *list_of("kraken", {"PEPE/USD"});
    other_coin.pairs[0].disagrees_since = directory::list_time;
    EXPECT_EQ(places("PEPE", {std::make_shared<const directory::SourceList>(other_coin)}), "okx=PEPE-EUR ")
        << "a venue that means another coin is not asked";
}

}  // namespace
}  // namespace pricewire::app
