#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/gemini/gemini.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::gemini_past_tests {
namespace {

// Newest first, whatever the range.
const PastCase gemini{
    .type = gemini_type,
    .symbol = "btcusd",
    .candles_url = "/v2/candles/btcusd/1m",
    .candles = "[[1793527260000,3.5,6.5,3.0,5.5,7],[1793527200000,2.5,4.5,1.5,3.5,5.25]]",
    .day_url = "/v2/candles/btcusd/1day",
    .trades_url = "/v1/trades/btcusd?timestamp=1793527199999&limit_trades=500",
    .trades =
        R"([{"timestamp":1793527202,"timestampms":1793527202000,"tid":8,"price":"3.75","amount":"1",)"
        R"("exchange":"gemini","type":"buy"},{"timestamp":1793527201,"timestampms":1793527201000,"tid":7,)"
        R"("price":"3.25","amount":"1","exchange":"gemini","type":"sell"}])",
    .error = R"({"result":"error","reason":"InvalidSymbol","message":"Supplied value is not valid"})",
    .error_shown = "unknown_symbol: Gemini's error InvalidSymbol: Supplied value is not valid"};

TEST(GeminiPast, Candles) {
    expect_candles(gemini);
}

TEST(GeminiPast, TradesBehindAnId) {
    expect_trades(gemini);
    PastRequest request = past_request(gemini);
    EXPECT_EQ(show_trades(gemini_type, replaced(gemini.trades, "sell", "block"), request), "10:00:02 3.75 #8")
        << "a block is agreed on beside the market";
    const auto next = [&](int step) {
        std::string rows;
        for (int i = 500; i-- > 0;)
            rows += fmt::format(R"({}{{"timestampms":{},"tid":{},"price":"1","type":"buy"}})",
                                rows.empty() ? "" : ",", 1'793'527'200'000 + i * step, 5'335'307'000 + i);
        const std::string shown = show_trades(gemini_type, "[" + rows + "]", request);
        return shown.substr(shown.rfind(' ') + 1);
    };
    EXPECT_EQ(next(5), "5335307499");
    EXPECT_EQ(next(500), "#5335307239") << "beyond the range";
    request.cursor = "5335307499";
    EXPECT_EQ(gemini_type.past.trades_url(request),
              "/v1/trades/btcusd?since_tid=5335307499&limit_trades=500");
}

TEST(GeminiPast, Listings) {
    EXPECT_EQ(show_listings(gemini_type, R"([
        {"symbol":"BTCUSD","base_currency":"BTC","quote_currency":"USD","status":"open","product_type":"spot"},
        {"symbol":"1INCHUSD","base_currency":"1INCH","quote_currency":"USD","status":"post_only"},
        {"symbol":"BTCGUSDPERP","base_currency":"BTC","quote_currency":"GUSD","status":"open","product_type":"swap"}])"),
              "btcusd BTC/USD; 1inchusd 1INCH/USD halted");
    EXPECT_EQ(show_listings(gemini_type, R"({"result":"error","reason":"RateLimit","message":"wait"})"),
              "rate_limited: Gemini's error RateLimit: wait");
}

}  // namespace
}  // namespace pricewire::feed::gemini_past_tests
