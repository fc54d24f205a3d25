#include <gtest/gtest.h>

#include "feed/htx/htx.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::htx_past_tests {
namespace {

using namespace std::chrono_literals;

// Newest first, whatever the range.
const PastCase htx{
    .type = htx_type,
    .symbol = "btcusdt",
    .candles_url = "/market/history/kline?symbol=btcusdt&period=1min&size=2000",
    .candles =
        R"({"ch":"market.btcusdt.kline.1min","status":"ok","ts":1793527290123,"data":[)"
        R"({"id":1793527260,"open":3.5,"close":5.5,"low":3.0,"high":6.5,"amount":7,"vol":30.1,"count":3},)"
        R"({"id":1793527200,"open":2.5,"close":3.5,"low":1.5,"high":4.5,"amount":5.25,"vol":18,"count":3}]})",
    .error = R"({"status":"error","err-code":"invalid-parameter","err-msg":"invalid symbol"})",
    .error_shown = "unknown_symbol: HTX's error invalid-parameter: invalid symbol",
    .says_whose_candles = true,
    .says_interval = true};

TEST(HtxPast, Candles) {
    expect_candles(htx);
    expect_trades(htx);
    EXPECT_EQ(show_candles(htx_type, replaced(htx.candles, "kline.1min", "kline.60min"), past_request(htx)),
              "bad_quote: an answer about 'market.btcusdt.kline.60min' instead of btcusdt");
    EXPECT_EQ(show_candles(htx_type, replaced(replaced(htx.candles, "1.5", "9.2E-7"), "5.25", "1.5E8"),
                           past_request(htx))
                  .substr(0, 44),
              "10:00:00 2.5 4.5 0.00000092 3.5 v150000000; ");
    EXPECT_FALSE(htx_type.past.has(24h)) << "its days begin at 16:00 UTC";
}

TEST(HtxPast, Listings) {
    EXPECT_EQ(show_listings(htx_type, R"({"status":"ok","ts":"1641880897191","full":1,"data":[
        {"symbol":"btcusdt","bc":"btc","qc":"usdt","state":"online","sr":"innovation"},
        {"symbol":"haltusdt","bc":"halt","qc":"usdt","state":"suspend"},
        {"symbol":"goneusdt","bc":"gone","qc":"usdt","state":"offline"}]})"),
              "btcusdt BTC/USDT; haltusdt HALT/USDT halted");
    EXPECT_EQ(show_listings(htx_type, R"({"status":"error","err-code":"api-rate-limit","err-msg":"wait"})"),
              "rate_limited: HTX's error api-rate-limit: wait");
}

}  // namespace
}  // namespace pricewire::feed::htx_past_tests
