#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/mexc/mexc.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::mexc_past_tests {
namespace {

using namespace std::chrono_literals;

const PastCase mexc{
    .type = mexc_type,
    .symbol = "BTCUSDT",
    .candles_url =
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=1793527200000&endTime=1793527319999&limit=500",
    .candles = R"([[1793527200000,"2.5","4.5","1.5","3.5","5.25",1793527260000,"18.0"],)"
               R"([1793527260000,"3.5","6.5","3.0","5.5","7.0",1793527320000,"30.0"]])",
    .day_url =
        "/api/v3/klines?symbol=BTCUSDT&interval=1d&startTime=1793404800000&endTime=1793491199999&limit=500",
    .trades_url = "/api/v3/aggTrades?symbol=BTCUSDT&startTime=1793527200000&endTime=1793527260000&limit=1000",
    .trades = R"([{"a":7,"f":null,"l":null,"p":"3.25","q":"0.1","T":1793527201000,"m":true,"M":true},)"
              R"({"a":8,"f":null,"l":null,"p":"3.75","q":"0.1","T":1793527202000,"m":false,"M":true}])",
    .error = R"({"code":-1121,"msg":"Invalid symbol."})",
    .error_shown = "unknown_symbol: MEXC's error -1121: Invalid symbol."};

TEST(MexcPast, Candles) {
    expect_candles(mexc);
    PastRequest hours = past_request(mexc);
    hours.interval = 1h;
    EXPECT_NE(mexc_type.past.candles_url(hours).find("&interval=60m&"), std::string::npos);
}

// Whichever end of the range comes first.
TEST(MexcPast, TradesFromEitherEnd) {
    expect_trades(mexc);
    PastRequest request = past_request(mexc);
    const std::string url = "/api/v3/aggTrades?symbol=BTCUSDT&startTime=";
    const auto next = [&](int begin, int step) {
        std::string rows;
        for (int i = 0; i < 1000; ++i)
            rows +=
                fmt::format(R"({}{{"a":null,"f":null,"l":null,"p":"1","q":"1","T":{},"m":true,"M":true}})",
                            rows.empty() ? "" : ",", 1'793'527'200'000 + begin + i * step);
        const std::string shown = show_trades(mexc_type, "[" + rows + "]", request);
        return shown.substr(shown.rfind(' ') + 1);
    };
    EXPECT_EQ(next(5, 10), ">1793527209995");
    EXPECT_EQ(next(50'000, -10), "<1793527240011");
    request.cursor = ">1793527209995";
    EXPECT_EQ(mexc_type.past.trades_url(request), url + "1793527209995&endTime=1793527320000&limit=1000");
    EXPECT_EQ(next(9'995, 0), ">1793527209996") << "each page begins behind the last, whatever comes";
    request.cursor = "<1793527240011";
    EXPECT_EQ(mexc_type.past.trades_url(request), url + "1793527200000&endTime=1793527240011&limit=1000");
    EXPECT_EQ(next(40'010, 0), "<1793527240010");
}

TEST(MexcPast, Listings) {
    EXPECT_EQ(
        show_listings(mexc_type, R"({"timezone":"CST","serverTime":1700000000000,"rateLimits":[],"symbols":[
        {"symbol":"BTCUSDT","status":"1","baseAsset":"BTC","quoteAsset":"USDT","isSpotTradingAllowed":true,
         "permissions":["SPOT"],"filters":[{"a":1}]},
        {"symbol":"WEBUSDT","status":"1","baseAsset":"WEB","quoteAsset":"USDT","isSpotTradingAllowed":false},
        {"symbol":"HALTUSDT","status":"2","baseAsset":"HALT","quoteAsset":"USDT","isSpotTradingAllowed":true},
        {"symbol":"GONEUSDT","status":"3","baseAsset":"GONE","quoteAsset":"USDT","isSpotTradingAllowed":true}]})"),
        "BTCUSDT BTC/USDT; WEBUSDT WEB/USDT halted; HALTUSDT HALT/USDT halted");
    EXPECT_EQ(show_listings(mexc_type, R"({"code":429,"msg":"Too many requests"})"),
              "rate_limited: MEXC's error 429: Too many requests");
}

}  // namespace
}  // namespace pricewire::feed::mexc_past_tests
