#include "directory/directory.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "directory/directory_fixture.hpp"

namespace pricewire::directory {
namespace {

using namespace std::chrono_literals;

// "binance:SOL/USDT kraken:SOL/USD! coingecko=id"
std::string shown(const Coin* coin) {
    if (coin == nullptr) return "none";
    std::string out;
    for (const Listing& l : coin->venues) {
        out += fmt::format("{}:{}{} ", l.source.view(), l.pair->symbol,
                           l.pair->status == ListingStatus::trading  ? ""
                           : l.pair->status == ListingStatus::halted ? "!"
                                                                     : "-");
    }
    for (const Listing& l : coin->aggregators) out += fmt::format("{}={} ", l.source.view(), l.pair->symbol);
    if (!out.empty()) out.pop_back();
    return out;
}

std::string found(const Directory& directory, std::string_view text, std::size_t limit = 100) {
    std::string out;
    for (const Hit& hit : directory.search(text, limit)) out += fmt::format(" {}", hit.coin->ticker.view());
    return out.empty() ? out : out.substr(1);
}

std::string nearest(const Directory& directory, std::string_view text, std::size_t most = 3) {
    std::string out;
    for (const Ticker& ticker : directory.nearest(text, most)) out += fmt::format(" {}", ticker.view());
    return out.empty() ? out : out.substr(1);
}

TEST(Directory, OnePairAVenueInUsdBeforeUsdtBeforeUsdc) {
    const Directory directory({list_of("kraken", {"SOL/USDC", "SOL/USD", "SOL/USDT", "SOL/EUR", "SOL/BTC"}),
                               list_of("binance", {"SOL/USDC", "SOL/USDT", "ADA/BTC"})});
    EXPECT_EQ(shown(directory.find("SOL")), "binance:SOL/USDT kraken:SOL/USD");
    EXPECT_EQ(shown(directory.find("ADA")), "none") << "only in a currency without a dollar rate";
    EXPECT_EQ(shown(directory.find("SO")), "none");
}

TEST(Directory, ATradedPairBeforeAHaltedOneBeforeADelistedOne) {
    const Directory directory({list_of("kraken", {"SOL/USD!", "SOL/USDT-", "SOL/USDC"}),
                               list_of("okx", {"SOL/USD-", "SOL/USDT!"}), list_of("htx", {"SOL/USDT-"}),
                               list_of("mexc", {"OLD/USDT-"})});
    EXPECT_EQ(shown(directory.find("SOL")), "htx:SOL/USDT- kraken:SOL/USDC okx:SOL/USDT!");
    EXPECT_TRUE(directory.find("SOL")->is_listed());
    EXPECT_EQ(shown(directory.find("OLD")), "mexc:OLD/USDT-");
    EXPECT_FALSE(directory.find("OLD")->is_listed());
}

TEST(Directory, TheOperatorsSymbolWins) {
    const Choices choices{.symbols = {{"kraken", {{"SOL", "SOL/USDC"}, {"ADA", "ADA/EUR"}}}}};
    const Directory directory(
        {list_of("kraken", {"SOL/USD", "SOL/USDC!", "ADA/USD"}), list_of("okx", {"SOL/USD", "SOL/USDC"})},
        choices);
    EXPECT_EQ(shown(directory.find("SOL")), "kraken:SOL/USDC! okx:SOL/USD");
    EXPECT_EQ(shown(directory.find("ADA")), "kraken:ADA/USD") << "the chosen one is not in the list";
}

TEST(Directory, StableCoinsAreListedInDollarsAlone) {
    const Directory directory({list_of("binance", {"USDC/USDT"}), list_of("kraken", {"USDT/USD", "USDC/USD"}),
                               list_of("okx", {"USDT/USDC", "DAI/USDT"})});
    EXPECT_EQ(shown(directory.find("USDC")), "kraken:USDC/USD");
    EXPECT_EQ(shown(directory.find("USDT")), "kraken:USDT/USD");
    EXPECT_EQ(shown(directory.find("DAI")), "okx:DAI/USDT");
}

TEST(Directory, AnAggregatorNamesWhatAnExchangeLists) {
    const Directory directory({names_of("coingecko", {{"SOL", "Solana"}, {"RARE", "On no exchange"}}),
                               names_of("coinpaprika", {{"SOL", "Solana of Paprika"}}),
                               list_of("binance", {"SOL/USDT"})});
    EXPECT_EQ(shown(directory.find("SOL")),
              "binance:SOL/USDT coingecko=id-of-Solana coinpaprika=id-of-Solana of Paprika");
    EXPECT_EQ(directory.find("SOL")->name, "Solana");
    EXPECT_EQ(directory.find("RARE"), nullptr);
    EXPECT_FALSE(directory.empty());
    EXPECT_TRUE(Directory({names_of("coingecko", {{"SOL", "Solana"}})}).empty());
    EXPECT_TRUE(Directory().empty());
}

TEST(Directory, AnAggregatorThatMeansAnotherCoinIsNotSure) {
    SourceList list = *names_of("coingecko", {{"SOL", "Solana"}, {"ADA", "Another Coin"}});
    list.pairs[1].disagrees_since = list_time;
    const Directory directory(
        {std::make_shared<const SourceList>(std::move(list)), list_of("binance", {"SOL/USDT", "ADA/USDT"})});
    EXPECT_EQ(shown(directory.find("SOL")), "binance:SOL/USDT coingecko=id-of-Solana");
    EXPECT_EQ(shown(directory.find("ADA")), "binance:ADA/USDT");
    EXPECT_EQ(directory.find("ADA")->name, "");
}

TEST(Directory, ASourceThatIsNoLongerReadCountsForADay) {
    const auto lists = [](Timestamp other) {
        return Directory({list_of("kraken", {"SOL/USD"}), list_of("binance", {"SOL/USDT"}, other)});
    };
    EXPECT_EQ(shown(lists(list_time + 24h).find("SOL")), "binance:SOL/USDT kraken:SOL/USD");
    EXPECT_EQ(shown(lists(list_time + 24h + 1us).find("SOL")), "binance:SOL/USDT");
    const Directory long_ago({list_of("kraken", {"SOL/USD"}, Timestamp(1s))});
    EXPECT_NE(long_ago.find("SOL"), nullptr) << "all are old: nothing could be read since";
    const Directory enabled({list_of("kraken", {"SOL/USD"}, Timestamp(1s)), list_of("binance", {"SOL/USDT"})},
                            {.old_lists_count = true});
    EXPECT_EQ(shown(enabled.find("SOL")), "binance:SOL/USDT kraken:SOL/USD") << "the last good list";
}

const Directory& market() {
    static const Directory directory(
        {names_of("coingecko", {{"BTC", "Bitcoin"},
                                {"BCH", "Bitcoin Cash"},
                                {"WBTC", "Wrapped Bitcoin"},
                                {"SOL", "Solana"},
                                {"ETH", "Ethereum"}}),
         list_of("binance", {"BTC/USDT", "BCH/USDT", "WBTC/USDT", "SOL/USDT", "ETH/USDT", "BTCST/USDT-"}),
         list_of("kraken", {"BTC/USD", "BCH/USD", "SOL/USD", "BTT/USD"}),
         list_of("okx", {"BTC/USDT", "SOL/USDT", "SOLO/USDT!", "BTCX/USDT"})});
    return directory;
}

TEST(DirectorySearch, ExactThenPrefixThenNameThenContained) {
    EXPECT_EQ(found(market(), "btc"), "BTC BTCX WBTC");
    EXPECT_EQ(found(market(), "sol"), "SOL SOLO");
    EXPECT_EQ(found(market(), "bitcoin"), "BTC BCH WBTC") << "those that more venues list first";
    EXPECT_EQ(found(market(), "cash"), "BCH");
    EXPECT_EQ(found(market(), "coin"), "BTC BCH WBTC");
    EXPECT_EQ(found(market(), "  Sol "), "SOL SOLO");
    EXPECT_EQ(found(market(), "zzz"), "");
}

TEST(DirectorySearch, APairFindsItsTicker) {
    for (const char* text : {"BTCUSDT", "btc/usd", "BTC-USDC", "btc_usdt"})
        EXPECT_EQ(found(market(), text), "BTC") << text;
}

TEST(DirectorySearch, WhatIsDelistedEverywhereIsFoundByItsTickerAlone) {
    EXPECT_EQ(found(market(), "BTCST"), "BTCST");
    EXPECT_EQ(found(market(), "BTCS"), "");
}

TEST(DirectorySearch, PinnedTickersAreThereWhoeverListsThem) {
    const Choices pinned{.pinned = {"NONE", "SOL"}};
    const Directory directory({list_of("binance", {"SOL/USDT", "ADA/USDT"})}, pinned);
    EXPECT_EQ(found(directory, ""), "SOL NONE ADA");
    EXPECT_EQ(shown(directory.find("NONE")), "");
    EXPECT_EQ(nearest(directory, "NON", 1), "NONE");
    EXPECT_TRUE(Directory({}, pinned).empty());
    const Choices only_pinned{.pinned = pinned.pinned, .only_pinned = true};
    EXPECT_EQ(found(Directory({list_of("binance", {"SOL/USDT", "ADA/USDT"})}, only_pinned), ""), "SOL NONE");
}

TEST(DirectorySearch, PagesMeetWithoutAGap) {
    const std::string all = found(market(), "");
    EXPECT_EQ(all, "BTC SOL BCH BTCX BTT ETH SOLO WBTC");
    for (const std::size_t limit : {1, 2, 3, 7, 8, 100}) {
        std::string pages;
        std::optional<Rank> after;
        while (true) {
            const auto hits = market().search("", limit, after);
            if (hits.empty()) break;
            for (const Hit& hit : hits) pages += fmt::format("{} ", hit.coin->ticker.view());
            after = hits.back().rank;
        }
        EXPECT_EQ(pages, all + " ") << limit;
    }
}

TEST(DirectoryNearest, NamesWhatMayHaveBeenMeant) {
    EXPECT_EQ(nearest(market(), "BTCC", 1), "BTC");
    EXPECT_EQ(nearest(market(), "btcusdt", 1), "BTC");
    EXPECT_EQ(nearest(market(), "Bitcoin", 2), "BTC BCH");
    EXPECT_EQ(nearest(market(), "SOLANA", 1), "SOL");
    EXPECT_EQ(nearest(market(), "ETHEREUM", 1), "ETH");
    EXPECT_EQ(nearest(market(), "SLO", 1), "SOLO");
    EXPECT_EQ(nearest(market(), "XYZABC"), "");
    EXPECT_EQ(nearest(market(), ""), "");
    EXPECT_EQ(nearest(market(), std::string(100'000, 'B')), "");
    EXPECT_EQ(nearest(market(), "BTCST", 1), "BTC") << "not what is delisted everywhere";
}

}  // namespace
}  // namespace pricewire::directory
