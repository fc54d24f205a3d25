#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/bitget/bitget.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::bitget_past_tests {
namespace {

using namespace std::chrono_literals;

const PastCase bitget{
    .type = bitget_type,
    .symbol = "BTCUSDT",
    .candles_url =
        "/api/v2/spot/market/candles?symbol=BTCUSDT&granularity=1min&startTime=1793527199999&"
        "endTime=1793527319999&limit=1000",
    .candles = R"({"code":"00000","msg":"success","requestTime":1793527290123,"data":[)"
               R"(["1793527200000","2.5","4.5","1.5","3.5","5.25","18.0","18.0"],)"
               R"(["1793527260000","3.5","6.5","3.0","5.5","7","30.0","30.0"]]})",
    .day_url =
        "/api/v2/spot/market/candles?symbol=BTCUSDT&granularity=1Dutc&startTime=1793404799999&"
        "endTime=1793491199999&limit=1000",
    .trades_url =
        "/api/v2/spot/market/fills-history?symbol=BTCUSDT&startTime=1793527200000&endTime=1793527260000&"
        "limit=1000",
    .trades =
        R"({"code":"00000","msg":"success","requestTime":1793527290123,"data":[)"
        R"({"symbol":"BTCUSDT","tradeId":"8","side":"Sell","price":"3.75","size":"1","ts":"1793527202000"},)"
        R"({"symbol":"BTCUSDT","tradeId":"7","side":"Buy","price":"3.25","size":"1","ts":"1793527201000"}]})",
    .error = R"({"code":"40034","msg":"Parameter does not exist","requestTime":1,"data":null})",
    .error_shown = "unknown_symbol: Bitget's error 40034: Parameter does not exist"};

TEST(BitgetPast, Candles) {
    expect_candles(bitget);
    PastRequest days = past_request(bitget);
    days.interval = 24h;
    days.from = std::chrono::floor<std::chrono::days>(past_now) - 48h;
    EXPECT_EQ(
        show_candles(bitget_type,
                     R"({"code":"00000","data":[["1793462400000","2","4","1","3","1","1","1"]]})", days),
        "")
        << "a day that begins at 16:00 UTC";
    days.from -= 365 * 24h;
    EXPECT_NE(bitget_type.past.candles_url(days).find("&startTime=1762423289999&"), std::string::npos)
        << "no further back than 360 days";
}

TEST(BitgetPast, TradesBelowAnId) {
    expect_trades(bitget);
    std::string rows;
    for (int i = 1000; i-- > 0;)
        rows += fmt::format(
            R"({}{{"symbol":"BTCUSDT","tradeId":"126090362203600{:04}","price":"1","ts":"1793527203000"}})",
            rows.empty() ? "" : ",", i);
    PastRequest request = past_request(bitget);
    EXPECT_TRUE(show_trades(bitget_type, R"({"code":"00000","data":[)" + rows + "]}", request)
                    .ends_with("; next 1260903622036000000"));
    request.cursor = "1260903622036000000";
    EXPECT_TRUE(bitget_type.past.trades_url(request).ends_with("&limit=1000&idLessThan=1260903622036000000"));
    request.from = past_now;
    EXPECT_EQ(show_trades(bitget_type, R"({"code":"00000","data":[)" + rows + "]}", request), "")
        << "it reaches the beginning";
}

TEST(BitgetPast, Listings) {
    EXPECT_EQ(
        show_listings(bitget_type, R"({"code":"00000","msg":"success","requestTime":1744276707885,"data":[
        {"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","status":"online","offTime":""},
        {"symbol":"1000SATSUSDT","baseCoin":"1000SATS","quoteCoin":"USDT","status":"gray"},
        {"symbol":"HALTUSDT","baseCoin":"HALT","quoteCoin":"USDT","status":"halt"},
        {"symbol":"GONEUSDT","baseCoin":"GONE","quoteCoin":"USDT","status":"offline"}]})"),
        "BTCUSDT BTC/USDT; 1000SATSUSDT 1000SATS/USDT halted; HALTUSDT HALT/USDT halted");
    EXPECT_EQ(show_listings(bitget_type, R"({"code":"429","msg":"Too Many Requests","data":null})"),
              "rate_limited: Bitget's error 429: Too Many Requests");
}

}  // namespace
}  // namespace pricewire::feed::bitget_past_tests
