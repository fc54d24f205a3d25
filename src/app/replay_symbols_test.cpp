#include "app/replay_symbols.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace pricewire::app {
namespace {

const feed::VenueType& type_of(std::string_view name) {
    return *feed::find_venue_type(name);
}

bool names(const NamedSymbols& named, std::string_view symbol) {
    const auto all = named.symbols();
    return std::find(all.begin(), all.end(), symbol) != all.end();
}

TEST(NamedSymbols, AreThoseThatWereSubscribed) {
    NamedSymbols okx(type_of("okx"));
    okx.note(
        R"({"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USD-220527"},{"channel":"trades","instId":"UNI-USDT"}]})",
        true);
    okx.note(R"({"arg":{"channel":"trades","instId":"ETH-USDT"}})", false);
    EXPECT_TRUE(names(okx, "BTC-USD-220527"));
    EXPECT_TRUE(names(okx, "UNI-USDT"));
    EXPECT_FALSE(names(okx, "ETH-USDT")) << "nobody subscribed it";
    NamedSymbols htx(type_of("htx"));
    htx.note(R"({"sub":"market.trioeth.trade.detail","id":"1"})", true);
    EXPECT_TRUE(names(htx, "trioeth"));
}

TEST(NamedSymbols, AreThoseThatCameWhereNoneWasSent) {
    NamedSymbols binance(type_of("binance"));
    binance.note(R"({"method":"LIST_SUBSCRIPTIONS","id":3})", true);
    binance.note(R"({"stream":"omgbusd@aggTrade","data":{"e":"aggTrade","s":"OMGBUSD","p":"13.80"}})", false);
    EXPECT_EQ(binance.symbols(), (std::vector<std::string>{"OMGBUSD"}));
}

TEST(NamedSymbols, AreBounded) {
    NamedSymbols okx(type_of("okx"));
    for (std::size_t i = 0; i < NamedSymbols::most + 100; ++i)
        okx.note("T" + std::to_string(i) + "-USDT", false);
    EXPECT_EQ(okx.symbols().size(), NamedSymbols::most);
}

TEST(TickerIn, IsTheBaseOfAPair) {
    EXPECT_EQ(ticker_in(type_of("okx"), "BTC-USDT"), "BTC");
    EXPECT_EQ(ticker_in(type_of("kraken"), "DOGE/EUR"), "DOGE");
    EXPECT_EQ(ticker_in(type_of("htx"), "trioeth"), "TRIO");
    EXPECT_EQ(ticker_in(type_of("binance"), "BTCUSDT"), "BTC");
    EXPECT_EQ(ticker_in(type_of("binance"), "ODD"), "ODD");
}

}  // namespace
}  // namespace pricewire::app
