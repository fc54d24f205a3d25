#include "app/list_sources.hpp"

#include <gtest/gtest.h>

#include "app/options.hpp"

namespace pricewire::app {
namespace {

std::string shown(const std::vector<ListedPair>& pairs) {
    std::string out;
    for (const ListedPair& pair : pairs)
        out += fmt::format("{}={}/{}{} ", pair.symbol, pair.ticker.view(), pair.currency.view(),
                           pair.status == ListingStatus::trading ? "" : "!");
    return out;
}

feed::Listing listing(const char* symbol, const char* base, const char* quote,
                      feed::ListingStatus status = feed::ListingStatus::trading) {
    return {.symbol = symbol, .base = base, .quote = quote, .status = status};
}

TEST(ListSources, OnlyPairsThatCanBeWatched) {
    const auto& binance = *feed::find_venue_type("binance");
    EXPECT_EQ(shown(watchable(binance,
                              {listing("BTCUSDT", "BTC", "USDT"), listing("ETHBTC", "ETH", "BTC"),
                               listing("BTCEUR", "BTC", "EUR"), listing("1000SATSUSDT", "1000SATS", "USDT"),
                               listing("SOLUSDC", "SOL", "USDC", feed::ListingStatus::halted),
                               listing("币安人生USDT", "币安人生", "USDT"),
                               listing("SIXTEENLETTERSXXUSDT", "SIXTEENLETTERSXX", "USDT"),
                               listing("USDCUSDT", "USDC", "USDT")})),
              "BTCUSDT=BTC/USDT 1000SATSUSDT=1000SATS/USDT SOLUSDC=SOL/USDC! ");
}

TEST(ListSources, AnAggregatorsCoinsWhereTheyAreSure) {
    const auto& coingecko = *feed::find_venue_type("coingecko");
    EXPECT_EQ(shown(watchable(coingecko, {listing("batcat", "BTC", "USD"), listing("bitcoin", "BTC", "USD"),
                                          listing("dogwifcoin", "WIF", "USD"), listing("mir-a", "MIR", "USD"),
                                          listing("mir-b", "MIR", "USD")})),
              "bitcoin=BTC/USD dogwifcoin=WIF/USD ");
}

TEST(ListSources, AreTheEnabledOnesWithTheirKeys) {
    ops::Config config = config_keys().defaults();
    for (auto& [name, source] : config.sources) source.enabled = name == "kraken" || name == "coingecko";
    config.sources.at("kraken").rest_url = "http://127.0.0.1:9/kraken";
    config.sources.at("coingecko").api_key = "secret";
    std::string urls;
    for (const directory::ListSource& list : list_sources_of(config)) {
        urls += list.url + " ";
        for (const auto& [name, value] : list.headers) urls += name + "=" + value + " ";
        EXPECT_FALSE(list.parse("<html>"));
    }
    EXPECT_EQ(urls,
              "http://127.0.0.1:9/kraken/AssetPairs https://api.coingecko.com/api/v3/coins/list "
              "x-cg-demo-api-key=secret ");
    EXPECT_EQ(book_options_of(config, {.api = true, .feed = true}).sources,
              (std::vector<SourceName>{"kraken", "coingecko"}));
    EXPECT_TRUE(book_options_of(config, {.feed = true}).choices.old_lists_count)
        << "a feed knows what is enabled";
    EXPECT_FALSE(book_options_of(config, {.api = true}).sources) << "feeds elsewhere may have others";
    EXPECT_FALSE(book_options_of(config, {.api = true}).choices.old_lists_count);
    config.sources.at("kraken").rest_url.clear();
    config.sources.at("coingecko").enabled = false;
    EXPECT_TRUE(list_sources_of(config).empty());
}

}  // namespace
}  // namespace pricewire::app
