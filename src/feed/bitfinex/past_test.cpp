#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/bitfinex/bitfinex.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::bitfinex_past_tests {
namespace {

using namespace std::chrono_literals;

// Time, open, close, high, low, volume.
const PastCase bitfinex{
    .type = bitfinex_type,
    .symbol = "tDOGE:USD",
    .candles_url =
        "/candles/trade:1m:tDOGE:USD/hist?start=1793527200000&end=1793527319999&limit=10000&sort=1",
    .candles = "[[1793527200000,2.5,3.5,4.5,1.5,5.25],[1793527260000,3.5,5.5,6.5,3,7]]",
    .day_url = "/candles/trade:1D:tDOGE:USD/hist?start=1793404800000&end=1793491199999&limit=10000&sort=1",
    .trades_url = "/trades/tDOGE:USD/hist?start=1793527200000&end=1793527260000&limit=10000&sort=1",
    .trades = "[[7,1793527201000,-1.918524,3.25],[8,1793527202000,10682,3.75]]",
    .error = R"(["error",10020,"symbol: invalid"])",
    .error_shown = "unknown_symbol: Bitfinex's error 10020: symbol: invalid"};

TEST(BitfinexPast, Candles) {
    expect_candles(bitfinex);
}

TEST(BitfinexPast, TradesFromTheBeginning) {
    expect_trades(bitfinex);
    std::string page;
    for (int i = 0; i < 10'000; ++i)
        page +=
            fmt::format("{}[{},{},0.1,1]", page.empty() ? "[" : ",", 388'063'448 + i, 1'793'527'200'000 + i);
    page += "]";
    PastRequest request = past_request(bitfinex);
    EXPECT_TRUE(show_trades(bitfinex_type, page, request).ends_with("; next 1793527209999"));
    request.cursor = "1793527209999";
    EXPECT_TRUE(bitfinex_type.past.trades_url(request).starts_with(
        "/trades/tDOGE:USD/hist?start=1793527209999&end=1"));
    EXPECT_TRUE(show_trades(bitfinex_type, page, request).ends_with("; next 1793527210000"))
        << "each page begins behind the last, whatever comes";
    request.to = request.from + 5s;
    EXPECT_EQ(show_trades(bitfinex_type, page, request).find("next"), std::string::npos)
        << "it reaches the end";
}

TEST(BitfinexPast, Listings) {
    EXPECT_EQ(bitfinex_type.listings.path, "/conf/pub:list:pair:exchange,pub:map:currency:sym");
    const std::string pairs = R"("BTCUSD","DOGE:USD","1INCH:USD","BTCUST","BABUSD","DATUDC","BTCF0:USTF0")";
    const std::string map = R"([["UST","USDt"],["UDC","USDC"],["BAB","BCH"],["DAT","DATA"],7,["X"]])";
    EXPECT_EQ(show_listings(bitfinex_type, "[[" + pairs + "]," + map + "]"),
              "tBTCUSD BTC/USD; tDOGE:USD DOGE/USD; t1INCH:USD 1INCH/USD; tBTCUST BTC/USDT; tBABUSD BCH/USD; "
              "tDATUDC DATA/USDC");
    EXPECT_EQ(show_listings(bitfinex_type, R"([["BTCUST","ATOUSD"]])"), "tBTCUST BTC/USDT; tATOUSD ATOM/USD")
        << "without its map the codes that we know";
    EXPECT_EQ(show_listings(bitfinex_type, "[[" + pairs + R"(,"WHATISTHIS"]])"),
              "wrong_shape: 1 of 7 rows of Bitfinex's list are not valid");
    EXPECT_EQ(show_listings(bitfinex_type, R"(["error",11010,"ratelimit: error"])"),
              "rate_limited: Bitfinex's error 11010: ratelimit: error");
}

TEST(BitfinexPast, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto folder = *path / "venues/samples/rest/Bitfinex";
    PastRequest request = past_request(bitfinex);
    request.from = Timestamp{};
    EXPECT_EQ(
        show_trades(bitfinex_type, sample_answer(folder / "Spot_ExchangeData_GetTradeHistory.txt"), request),
        "15:56:54.876 10682 #388063448");
    const std::string map = sample_answer(folder / "Spot_ExchangeData_GetAssetSymbols.txt");
    EXPECT_EQ(show_listings(bitfinex_type, R"([["BABUSD","IOTUST"],)" + map.substr(1)),
              "tBABUSD BCH/USD; tIOTUST IOTA/USDT");
}

}  // namespace
}  // namespace pricewire::feed::bitfinex_past_tests
