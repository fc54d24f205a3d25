#include "app/watching.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "directory/directory_fixture.hpp"

namespace pricewire::app {
namespace {

using directory::list_of;

class PlacesTest : public ::testing::Test {
protected:
    PlacesTest() {
        feed_.tickers = {"BTC"};
        for (const char* name : {"binance", "kraken", "coingecko"}) {
            feed::SourceOptions source;
            source.name = name;
            source.rest_url = "https://example.com";
            feed_.sources.push_back(source);
        }
    }
    // "binance=PEPE/USDT kraken=PEPE/USD!", or why there are none.
    std::string places(const Ticker& ticker, directory::Directory::Lists lists) {
        const directory::Directory listed(std::move(lists), {.pinned = feed_.tickers});
        const auto found = places_of(ticker, listed, feed_);
        if (!found) return "unknown";
        if (found->places.empty()) return fmt::format("{}: {}", to_string(found->why), found->reason);
        std::string out;
        for (const watch::Place& p : found->places)
            out += fmt::format("{}{}={}{}", out.empty() ? "" : " ", p.source.view(), p.symbol,
                               p.is_halted ? "!" : "");
        return out;
    }

    feed::FeedOptions feed_;
};

TEST_F(PlacesTest, AreTheEnabledSourcesThatListTheTicker) {
    EXPECT_EQ(places("PEPE", {list_of("binance", {"PEPE/USDT"}), list_of("kraken", {"PEPE/USD!"}),
                              list_of("okx", {"PEPE/USDT"})}),
              "binance=PEPE/USDT kraken=PEPE/USD!");
    EXPECT_EQ(places("PEPE", {list_of("binance", {"PEPE/USDT"}), list_of("kraken", {"PEPE/USD-"})}),
              "binance=PEPE/USDT");
}

TEST_F(PlacesTest, AnAggregatorThatKnowsTheCoinIsAskedToo) {
    EXPECT_EQ(places("PEPE", {list_of("binance", {"PEPE/USDT"}),
                              directory::names_of("coingecko", {{"PEPE", "Pepe"}})}),
              "binance=PEPE/USDT coingecko=id-of-Pepe!");
}

TEST_F(PlacesTest, OfATickerThatNobodyListsThereIsAReason) {
    EXPECT_EQ(places("PEPE", {}),
              "unlisted: No source's list of markets has been read yet, so it is not known who trades it.");
    EXPECT_EQ(places("PEPE", {list_of("binance", {"ADA/USDT"})}),
              "unlisted: No source that is enabled here lists it.");
    EXPECT_EQ(places("PEPE", {list_of("okx", {"PEPE/USDT"})}),
              "unlisted: No source that is enabled here lists it.");
    EXPECT_EQ(places("PEPE", {list_of("binance", {"PEPE/USDT-"}), list_of("kraken", {"PEPE/USD-"})}),
              "delisted: It was delisted or renamed: binance and kraken list it no more, and no other source "
              "that is "
              "enabled here does.");
}

TEST_F(PlacesTest, APinnedTickerIsAskedForByItsSymbolsWhateverTheListsLack) {
    EXPECT_EQ(places("BTC", {}), "unknown");
    EXPECT_EQ(places("BTC", {list_of("kraken", {"BTC/USD"})}), "kraken=BTC/USD");
    EXPECT_TRUE(places("BTC", {list_of("kraken", {"BTC/USD-"})}).starts_with("delisted: "));
    feed_.sources.clear();
    EXPECT_EQ(places("BTC", {}), "unlisted: No enabled source has it.");
}

}  // namespace
}  // namespace pricewire::app
