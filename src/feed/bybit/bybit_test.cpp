#include "feed/bybit/bybit.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/session_play.hpp"
#include "feed/show.hpp"

namespace pricewire::feed::bybit_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'672'304'487s};

std::unique_ptr<Venue> bybit() {
    return bybit_type.create({{"BTC", "BTCUSDT"}, {"ETH", "ETHUSDT"}, {"SHIB", "SHIBUSDT"}},
                             {"wss://bybit/spot", "https://bybit"});
}
std::string frame(std::string_view bytes) {
    const auto venue = bybit();
    return ShownStream(*venue, now)(bytes);
}

std::string row(std::string_view id, std::string_view price, std::int64_t ms, std::string_view more = {}) {
    return fmt::format(R"({{"T":{},"s":"BTCUSDT","S":"Buy","v":"0.001","p":{},"L":"PlusTick","i":"{}"{}}})",
                       ms, price, id, more);
}
std::string trades(std::string_view rows) {
    return fmt::format(
        R"({{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{}]}})", rows);
}

const std::string trade =
    trades(row("2100000000001", R"("16578.50")", 1672304486865, R"(,"BT":false,"RPI":false)"));
constexpr const char* shown_trade = "BTC=16578.5USDT#2100000000001@2022-12-29T09:01:26.865Z";

std::string with(std::string_view from, std::string_view to) {
    return frame(replaced(trade, from, to));
}

TEST(Bybit, AddressesAndMessages) {
    const auto venue = bybit();
    EXPECT_EQ(venue->stream_url(), "wss://bybit/spot");
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{0, 2}, {3, now}),
              R"({"req_id":"3","op":"subscribe","args":["publicTrade.BTCUSDT","publicTrade.SHIBUSDT"]})");
    EXPECT_EQ(venue->unsubscribe_message(std::vector<std::size_t>{1}, {4, now}),
              R"({"req_id":"4","op":"unsubscribe","args":["publicTrade.ETHUSDT"]})");
    EXPECT_EQ(venue->keep_alive_text(now), R"({"op":"ping"})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{1}),
              "https://bybit/v5/market/tickers?category=spot&symbol=ETHUSDT");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}),
              "https://bybit/v5/market/tickers?category=spot");
    EXPECT_EQ(bybit_type.symbol_of("DOGE"), "DOGEUSDT");
    EXPECT_EQ(bybit_type.symbol_of("USDT"), std::nullopt);
    EXPECT_EQ(bybit_type.symbol_of("USDC"), std::nullopt) << "its market is in USDT";
    EXPECT_EQ(bybit_type.currency_of("SOLUSDC"), Currency("USDC"));
    for (const char* bad : {"", "btcusdt", "BTC-USDT", "BTCUSDT.P", "A\"B", "BTC USDT"})
        EXPECT_FALSE(bybit_type.is_symbol(bad)) << bad;
    EXPECT_EQ(bybit_type.off_reason, "");
    EXPECT_EQ(bybit_type.stream.symbols_per_message, 10u);
}

TEST(Bybit, Trades) {
    const auto venue = bybit();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), shown_trade) << "live, although it calls itself a snapshot";
    EXPECT_EQ(stream(trade), "") << "it has come before";
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_TRUE(stream(trade + "x").starts_with("not_json: "));
    EXPECT_EQ(stream(trades(row("20f43950-d8dd-5b31-9112-a178eb6023af", R"("7")", 1672304486865) + "," +
                            row("20f43950-d8dd-5b31-9112-a178eb6023b0", R"("8")", 1672304486865))),
              "BTC=7USDT@2022-12-29T09:01:26.865Z BTC=8USDT@2022-12-29T09:01:26.865Z")
        << "in the order in which they came";
    EXPECT_EQ(stream(trades(row("20f43950-d8dd-5b31-9112-a178eb6023af", R"("7")", 1672304486865))), "")
        << "an id that is no number is known again, too";
    EXPECT_EQ(stream(trades(row("2290000000000000101", R"("8")", 1672304486866) + "," +
                            row("2290000000000000100", R"("7")", 1672304486865))),
              "BTC=7USDT#2290000000000000100@2022-12-29T09:01:26.865Z "
              "BTC=8USDT#2290000000000000101@2022-12-29T09:01:26.866Z")
        << "the oldest first";
    EXPECT_EQ(stream(trades(row("12", R"("8")", 1672304486867) + "," + row("11", R"("7")", 1672304486867))),
              "BTC=7USDT#11@2022-12-29T09:01:26.867Z BTC=8USDT#12@2022-12-29T09:01:26.867Z")
        << "within a millisecond, by number";
    EXPECT_EQ(stream(trades("")), "");
    EXPECT_EQ(ShownStream(*venue, now + 6min)(trade), std::string("old ") + shown_trade);
}

TEST(Bybit, BlockTradesAreNotTheMarkets) {
    EXPECT_EQ(with(R"("BT":false)", R"("BT":true)"), "");
    EXPECT_EQ(with(R"("BT":false)", R"("BT":"true")"), "");
    EXPECT_EQ(with(R"(,"BT":false)", ""), shown_trade);
    EXPECT_EQ(with(R"("RPI":false)", R"("RPI":true)"), shown_trade);
    EXPECT_EQ(frame(trades(row("1", R"("9")", 1672304486865, R"(,"BT":true)") + "," +
                           row("2", R"("7")", 1672304486866))),
              "BTC=7USDT#2@2022-12-29T09:01:26.866Z");
}

TEST(Bybit, DigitsAreKept) {
    EXPECT_EQ(with(R"("16578.50")", R"("0.123456789012345678")"),
              "BTC=0.123456789012345678USDT#2100000000001@2022-12-29T09:01:26.865Z");
    EXPECT_EQ(with(R"("16578.50")", "9.2E-7"), "BTC=0.00000092USDT#2100000000001@2022-12-29T09:01:26.865Z");
    EXPECT_EQ(with("1672304486865", R"("1672304486865")"), shown_trade) << "a time in a string";
}

TEST(Bybit, AnUnusableTradeIsRefused) {
    EXPECT_EQ(with("publicTrade.BTCUSDT", "publicTrade.XRPUSDT"),
              "bad_quote: trades of 'publicTrade.XRPUSDT', which were not requested");
    EXPECT_EQ(with("publicTrade.BTCUSDT", "publicTrade.BTCUSDT.P"),
              "bad_quote: trades of 'publicTrade.BTCUSDT.P', which were not requested");
    EXPECT_EQ(with("publicTrade.BTCUSDT", "publicTrade.ETHUSDT"),
              "1 refused: a trade of 'BTCUSDT' among those of ETHUSDT");
    EXPECT_EQ(with(R"("s":"BTCUSDT")", R"("s":"BTCUSDT","s":"ETHUSDT")"),
              "1 refused: a trade of 'BTCUSDT' among those of BTCUSDT");
    for (const char* bad :
         {R"("0")", R"("-1")", R"("")", R"("x")", R"("1e400")", "null", "true", "[1]", "{}"}) {
        const std::string shown = with(R"("16578.50")", bad);
        EXPECT_EQ(shown.find('@'), std::string::npos) << bad << " gave " << shown;
        EXPECT_NE(shown, "") << bad;
    }
    for (const char* bad : {"0", "1672304486", "1672304486865000", "-1", "null"})
        EXPECT_TRUE(with("1672304486865", bad).starts_with("1 refused: '16578.50' at ")) << bad;
    EXPECT_EQ(with(R"("type")", R"("topic":"publicTrade.ETHUSDT","type")"),
              "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(with(R"("data")", R"("data":[],"data")"), "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(frame(R"({"topic":"publicTrade.BTCUSDT"})"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(frame(R"({"topic":"publicTrade.BTCUSDT","data":{}})"),
              "wrong_shape: a frame of an unknown shape");
}

TEST(Bybit, AnswersToMessages) {
    EXPECT_EQ(frame(R"({"success":true,"ret_msg":"subscribe","conn_id":"a","req_id":"3","op":"subscribe"})"),
              "acknowledged message 3");
    EXPECT_EQ(frame(R"({"success":true,"ret_msg":"","conn_id":"a","op":"subscribe"})"),
              "acknowledged the oldest message");
    EXPECT_EQ(frame(R"({"success":true,"ret_msg":"","conn_id":"a","req_id":"3","op":"unsubscribe"})"), "");
    EXPECT_EQ(frame(R"({"success":true,"ret_msg":"pong","conn_id":"a","op":"ping"})"), "alive");
    EXPECT_EQ(frame(R"({"op":"pong","args":["1672304486868"],"conn_id":"a"})"), "alive");
    const auto failure = [](std::string_view text) {
        return frame(fmt::format(
            R"({{"success":false,"ret_msg":"{}","conn_id":"a","req_id":"3","op":"subscribe"}})", text));
    };
    EXPECT_EQ(
        failure("error:handler not found,topic:publicTrade.SHIBUSDT"),
        "refused message 3 for SHIBUSDT: Bybit's error: error:handler not found,topic:publicTrade.SHIBUSDT");
    EXPECT_EQ(failure("Invalid symbol :[publicTrade.SHIBUSDT,publicTrade.XRPUSDT]"),
              "refused message 3: Bybit's error: Invalid symbol :[publicTrade.SHIBUSDT,publicTrade.XRPUSDT]")
        << "it does not say which";
    EXPECT_EQ(failure("Invalid symbol :[publicTrade.XRPUSDT]"),
              "refused message 3: Bybit's error: Invalid symbol :[publicTrade.XRPUSDT]");
    EXPECT_EQ(failure("args size \\u003e10"), "refused message 3: Bybit's error: ");
    EXPECT_EQ(failure("error:already subscribed,topic:publicTrade.ETHUSDT"), "acknowledged ETHUSDT");
    EXPECT_EQ(failure("already subscribed"), "acknowledged message 3");
    EXPECT_EQ(frame(R"({"success":false,"ret_msg":"error:not subscribed,topic:publicTrade.ETHUSDT",)"
                    R"("req_id":"4","op":"unsubscribe"})"),
              "")
        << "which is what was wanted";
    EXPECT_EQ(failure("Too many visits"), "rate limited: Bybit's error: Too many visits");
    EXPECT_EQ(frame(R"({"success":false,"ret_msg":"unknown op","conn_id":"a","op":"wat"})"),
              "venue_error: Bybit's error: unknown op");
}

TEST(Bybit, OtherFrames) {
    EXPECT_EQ(
        frame(
            R"({"topic":"tickers.BTCUSDT","ts":1,"type":"snapshot","data":{"symbol":"BTCUSDT","lastPrice":"1"}})"),
        "");
    EXPECT_EQ(
        frame(R"({"topic":"orderbook.1.BTCUSDT","type":"delta","data":{"s":"BTCUSDT","b":[["1","2"]]}})"),
        "");
    EXPECT_EQ(frame("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(frame("[]"), "wrong_shape: a frame that is not an object");
    EXPECT_EQ(frame("pong"), "not_json: a frame that is not JSON");
    EXPECT_EQ(frame("<html>"), "not_json: a frame that is not JSON");
}

TEST(Bybit, ProtocolsThatItHasGivenUpAreRefusedOnce) {
    for (
        const char* old :
        {R"({"topic":"trade.BTCUSD","data":[{"trade_time_ms":1633998274723,"symbol":"BTCUSD","price":57000,"trade_id":"a"}]})",
         R"({"topic":"trade.BTCUSDT","type":"snapshot","ts":1,"data":{"v":"1","t":1633998274723,"p":"57000","q":"1","m":true}})",
         R"({"symbol":"BTCUSDT","topic":"trade","params":{"binary":"false"},"data":[{"v":"1","t":1633998274723,"p":"57000"}],"f":true})"}) {
        const auto venue = bybit();
        ShownStream stream(*venue, now);
        EXPECT_EQ(stream(old), "wrong_shape: a frame of a protocol before v5, which Bybit has given up");
        EXPECT_EQ(stream(old), "");
    }
}

TEST(Bybit, RestAnswers) {
    const auto venue = bybit();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string good =
        R"({"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[)"
        R"({"symbol":"BTCUSDT","bid1Price":"16578","bid1Size":"2","ask1Price":"16579","ask1Size":"1","lastPrice":"16578.50"},)"
        R"({"symbol":"BTCUSDC","bid1Price":"1","bid1Size":"2","ask1Price":"1","ask1Size":"1","lastPrice":"1"}]},)"
        R"("retExtInfo":{},"time":1672304486900})";
    EXPECT_EQ(answer(good), "BTC=16578.5USDT@2022-12-29T09:01:27Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(good), "old BTC=16578.5USDT@2022-12-29T09:01:27Z") << "neither price nor book has moved";
    EXPECT_EQ(answer(replaced(good, R"("bid1Size":"2")", R"("bid1Size":"3")")),
              "BTC=16578.5USDT@2022-12-29T09:01:27Z");
    EXPECT_EQ(answer(replaced(good, R"("16578.50")", R"("")")), "1 refused: '' as the price of 'BTCUSDT'");
    EXPECT_EQ(answer(replaced(good, "BTCUSDC", "BTCUSDT")),
              "BTC=16578.5USDT@2022-12-29T09:01:27Z 1 refused: '1' as the price of 'BTCUSDT'");
    EXPECT_EQ(answer(R"({"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[]},"time":1})"), "");
    EXPECT_EQ(answer(R"({"retCode":10001,"retMsg":"Not supported symbols","result":{},"time":1})"),
              "unknown_symbol: Bybit's error 10001: Not supported symbols");
    EXPECT_EQ(answer(R"({"retCode":10006,"retMsg":"Too many visits!","result":{},"time":1})"),
              "rate_limited: Bybit's error 10006: Too many visits!");
    EXPECT_EQ(answer(R"({"retCode":10016,"retMsg":"Service is restarting","result":null})"),
              "venue_error: Bybit's error 10016: Service is restarting");
    for (const char* bad : {"{}", R"({"retCode":0})", R"({"retCode":"x","result":{"list":[]}})", "[7]",
                            R"({"retCode":0,"retCode":1,"result":{"list":[]}})"})
        EXPECT_TRUE(answer(bad).starts_with("wrong_shape: ")) << bad << answer(bad);
    EXPECT_TRUE(answer("<html>").starts_with("not_json: "));
}

TEST(Bybit, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto samples = *path / "venues/samples";
    std::string shown;
    for (const char* file : {"V5_Spot_Trades.txt", "V5_Spot_Ticker.txt", "V5_Spot_SystemStatus.txt"}) {
        for (const std::string& bytes : sample_frames(samples / "bybit" / file)) shown += frame(bytes) + "\n";
    }
    EXPECT_EQ(shown,
              "acknowledged message 1\nBTC=16578.5USDT@2022-12-29T09:01:26.865Z\n"
              "acknowledged message 1\n\nacknowledged message 1\n\n");
    std::string rest = file_text(samples / "rest/Bybit/V5Api_ExchangeData_GetSpotTickers.txt");
    rest = rest.substr(rest.find('{'));
    EXPECT_EQ(show_answer(*bybit(), rest, now), "BTC=20533.13USDT@2022-12-29T09:01:27Z");
}

}  // namespace
}  // namespace pricewire::feed::bybit_tests
