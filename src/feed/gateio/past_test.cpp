#include <gtest/gtest.h>

#include "feed/gateio/gateio.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::gateio_past_tests {
namespace {

using namespace std::chrono_literals;

// Time, turnover, close, high, low, open, volume, whether it is over.
const PastCase gateio{
    .type = gateio_type,
    .symbol = "BTC_USDT",
    .candles_url = "/spot/candlesticks?currency_pair=BTC_USDT&interval=1m&from=1793527200&to=1793527319",
    .candles = R"([["1793527200","18.01","3.5","4.5","1.5","2.5","5.25","true"],)"
               R"(["1793527260","30.01","5.5","6.5","3","3.5","7","false"]])",
    .day_url = "/spot/candlesticks?currency_pair=BTC_USDT&interval=1d&from=1793404800&to=1793491199",
    .trades_url = "/spot/trades?currency_pair=BTC_USDT&from=1793527200&to=1793527260&limit=1000&page=1",
    .trades =
        R"([{"id":"8","create_time":"1793527202","create_time_ms":"1793527202000.000","side":"buy",)"
        R"("currency_pair":"BTC_USDT","amount":"1","price":"3.75"},{"id":"7","create_time":"1793527201",)"
        R"("create_time_ms":"1793527201000.0","currency_pair":"BTC_USDT","amount":"1","price":"3.25"}])",
    .error = R"({"label":"INVALID_CURRENCY_PAIR","message":"Invalid currency pair"})",
    .error_shown = "unknown_symbol: Gate.io's error INVALID_CURRENCY_PAIR: Invalid currency pair"};

TEST(GateioPast, Candles) {
    expect_candles(gateio);
    PastRequest later = past_request(gateio);
    later.now += 1h;
    EXPECT_TRUE(show_candles(gateio_type, gateio.candles, later).ends_with("v7 open")) << "the venue says so";
    EXPECT_EQ(show_candles(gateio_type, R"([["1793527200","9","3.5","4.5","1.5","2.5"]])", later),
              "10:00:00 2.5 4.5 1.5 3.5")
        << "a row of years ago may end there";
}

TEST(GateioPast, TradesByPages) {
    expect_trades(gateio);
    PastRequest request = past_request(gateio);
    const std::string row = gateio.trades.substr(1, gateio.trades.find('}'));
    std::string page = "[" + row;
    for (int i = 1; i < 1000; ++i) page += "," + row;
    page += "]";
    EXPECT_TRUE(show_trades(gateio_type, page, request).ends_with("; next 2"));
    request.cursor = "2";
    EXPECT_TRUE(gateio_type.past.trades_url(request).ends_with("&page=2"));
    request.cursor = "101";
    EXPECT_TRUE(show_trades(gateio_type, page, request).ends_with("#8"))
        << "no more than 100,000 are passed over";
    request.symbol = "ETH_USDT";
    EXPECT_EQ(show_trades(gateio_type, gateio.trades, request),
              "bad_quote: an answer about 'BTC_USDT' instead of ETH_USDT");
}

TEST(GateioPast, Listings) {
    EXPECT_EQ(show_listings(gateio_type, R"([
        {"id":"BTC_USDT","base":"BTC","quote":"USDT","trade_status":"tradable","delisting_time":0},
        {"id":"NEW_USDT","base":"NEW","quote":"USDT","trade_status":"buyable","delisting_time":0},
        {"id":"SOON_USDT","base":"SOON","quote":"USDT","trade_status":"untradable","buy_start":1800000000},
        {"id":"GONE_USDT","base":"GONE","quote":"USDT","trade_status":"untradable","delisting_time":1690000000},
        {"id":"LAST_USDT","base":"LAST","quote":"USDT","trade_status":"tradable","delisting_time":1990000000}])"),
              "BTC_USDT BTC/USDT; NEW_USDT NEW/USDT halted; SOON_USDT SOON/USDT halted; LAST_USDT LAST/USDT");
    EXPECT_EQ(show_listings(gateio_type, R"({"label":"TOO_MANY_REQUESTS","message":"Request Rate limit"})"),
              "rate_limited: Gate.io's error TOO_MANY_REQUESTS: Request Rate limit");
}

}  // namespace
}  // namespace pricewire::feed::gateio_past_tests
