#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/crypto_com/crypto_com.hpp"
#include "feed/show_past.hpp"

namespace pricewire::feed::crypto_com_past_tests {
namespace {

const PastCase crypto_com{
    .type = crypto_com_type,
    .symbol = "BTC_USD",
    .candles_url =
        "/get-candlestick?instrument_name=BTC_USD&timeframe=1m&count=300&start_ts=1793527199999&"
        "end_ts=1793527319999",
    .candles =
        R"({"id":-1,"method":"public/get-candlestick","code":0,"result":{"interval":"1m","data":[)"
        R"({"o":"2.5","h":"4.5","l":"1.5","c":"3.5","v":"5.25","t":1793527200000},)"
        R"({"o":"3.5","h":"6.5","l":"3","c":"5.5","v":"7","t":1793527260000}],"instrument_name":"BTC_USD"}})",
    .day_url =
        "/get-candlestick?instrument_name=BTC_USD&timeframe=1D&count=300&start_ts=1793404799999&"
        "end_ts=1793491199999",
    .trades_url = "/get-trades?instrument_name=BTC_USD&count=150&start_ts=1793527199999&end_ts=1793527260000",
    .trades =
        R"({"id":1,"method":"public/get-trades","code":0,"result":{"data":[)"
        R"({"d":"8","t":1793527202000,"tn":"1793527202000000623","q":"1","p":"3.75","s":"SELL","i":"BTC_USD"},)"
        R"({"d":"7","t":1793527201000,"tn":"1793527201000000623","q":"1","p":"3.25","s":"BUY","i":"BTC_USD"}]}})",
    .error = R"({"id":-1,"method":"public/get-candlestick","code":40004,"message":"Unknown instrument"})",
    .error_shown = "unknown_symbol: Crypto.com's error 40004: Unknown instrument",
    .says_whose_candles = true};

TEST(CryptoComPast, Candles) {
    expect_candles(crypto_com);
}

TEST(CryptoComPast, TradesFromTheEnd) {
    expect_trades(crypto_com);
    std::string rows;
    for (int i = 150; i-- > 0;)
        rows +=
            fmt::format(R"({}{{"d":"461184674600000{:04}","t":1,"tn":"{}","p":"65000.10","i":"BTC_USD"}})",
                        rows.empty() ? "" : ",", i, 1'793'527'250'000'000'000 + i * 1000);
    const std::string page =
        R"({"id":1,"method":"public/get-trades","code":0,"result":{"data":[)" + rows + "]}}";
    PastRequest request = past_request(crypto_com);
    EXPECT_TRUE(show_trades(crypto_com_type, page, request)
                    .ends_with("#4611846746000000149; next 1793527250000001000"));
    request.cursor = "1793527250000001000";
    EXPECT_TRUE(crypto_com_type.past.trades_url(request).ends_with("&end_ts=1793527250000001000"));
    EXPECT_TRUE(show_trades(crypto_com_type, page, request).ends_with("next 1793527250000000000"))
        << "each page ends before the last, whatever comes";
    request.from = request.to;
    EXPECT_EQ(show_trades(crypto_com_type, page, request), "") << "it reaches the beginning";
    request.symbol = "ETH_USD";
    EXPECT_EQ(show_trades(crypto_com_type, page, request),
              "bad_quote: an answer about 'BTC_USD' instead of ETH_USD");
}

TEST(CryptoComPast, Listings) {
    EXPECT_EQ(show_listings(crypto_com_type,
                            R"({"id":1,"method":"public/get-instruments","code":0,"result":{"data":[
        {"symbol":"BTC_USD","inst_type":"CCY_PAIR","base_ccy":"BTC","quote_ccy":"USD","tradable":true},
        {"symbol":"1INCH_USDT","inst_type":"CCY_PAIR","base_ccy":"1INCH","quote_ccy":"USDT","tradable":false},
        {"symbol":"BTCUSD-PERP","inst_type":"PERPETUAL_SWAP","base_ccy":"BTC","quote_ccy":"USD","tradable":true}]}})"),
              "BTC_USD BTC/USD; 1INCH_USDT 1INCH/USDT halted");
    EXPECT_EQ(show_listings(crypto_com_type, R"({"id":1,"code":42901,"message":"RATE_LIMIT"})"),
              "rate_limited: Crypto.com's error 42901: RATE_LIMIT");
}

TEST(CryptoComPast, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    PastRequest request = past_request(crypto_com);
    request.from = Timestamp{};
    request.symbol = "BTCUSD-PERP";
    EXPECT_EQ(
        show_trades(crypto_com_type,
                    sample_answer(
                        *path / "venues/samples/rest/CryptoCom/ExchangeApi_ExchangeData_GetTradeHistory.txt"),
                    request),
        "07:31:00.925523 50772 #15281981878");
}

}  // namespace
}  // namespace pricewire::feed::crypto_com_past_tests
