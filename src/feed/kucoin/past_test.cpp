#include <gtest/gtest.h>

#include "feed/kucoin/kucoin.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::kucoin_past_tests {
namespace {

// Time, open, close, high, low; newest first.
const PastCase kucoin{
    .type = kucoin_type,
    .symbol = "BTC-USDT",
    .candles_url = "/api/v1/market/candles?symbol=BTC-USDT&type=1min&startAt=1793527200&endAt=1793527319",
    .candles = R"({"code":"200000","data":[["1793527260","3.5","5.5","6.5","3.0","7.00","30.5"],)"
               R"(["1793527200","2.5","3.5","4.5","1.5","5.25","18"]]})",
    .day_url = "/api/v1/market/candles?symbol=BTC-USDT&type=1day&startAt=1793404800&endAt=1793491199",
    .error = R"({"code":"400100","msg":"symbol not exists"})",
    .error_shown = "unknown_symbol: KuCoin's error 400100: symbol not exists"};

TEST(KucoinPast, Candles) {
    expect_candles(kucoin);
    expect_trades(kucoin);
}

TEST(KucoinPast, Listings) {
    EXPECT_EQ(show_listings(kucoin_type, R"({"code":"200000","data":[
        {"symbol":"BTC-USDT","name":"BTC-USDT","baseCurrency":"BTC","quoteCurrency":"USDT","enableTrading":true},
        {"symbol":"BCHSV-USDC","name":"BSV-USDC","baseCurrency":"BCHSV","quoteCurrency":"USDC","enableTrading":true},
        {"symbol":"1INCH-USDT","baseCurrency":"1INCH","quoteCurrency":"USDT","enableTrading":false}]})"),
              "BTC-USDT BTC/USDT; BCHSV-USDC BSV/USDC; 1INCH-USDT 1INCH/USDT halted");
    EXPECT_EQ(show_listings(kucoin_type, R"({"code":"429000","msg":"too many requests"})"),
              "rate_limited: KuCoin's error 429000: too many requests");
}

}  // namespace
}  // namespace pricewire::feed::kucoin_past_tests
