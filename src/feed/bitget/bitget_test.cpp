#include "feed/bitget/bitget.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/session_play.hpp"
#include "feed/show.hpp"

namespace pricewire::feed::bitget_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'736'348'771s};

std::unique_ptr<Venue> bitget(std::string ws_url = "wss://bitget/v2/ws/public") {
    return bitget_type.create({{"BTC", "BTCUSDT"}, {"ETH", "ETHUSDT"}, {"SHIB", "SHIBUSDT"}},
                              {std::move(ws_url), "https://bitget"});
}
std::string frame(std::string_view bytes) {
    const auto venue = bitget();
    return ShownStream(*venue, now)(bytes);
}

const std::string v2_arg = R"({"instType":"SPOT","channel":"trade","instId":"BTCUSDT"})";
const std::string v3_arg = R"({"instType":"spot","topic":"publicTrade","symbol":"BTCUSDT"})";

std::string row(std::string_view id, std::string_view price, std::int64_t ms = 1736348770627) {
    return fmt::format(R"({{"ts":"{}","price":"{}","size":"0.1","side":"buy","tradeId":"{}"}})", ms, price,
                       id);
}
std::string push(std::string_view action, std::string_view rows, const std::string& arg = v2_arg) {
    return fmt::format(R"({{"action":"{}","arg":{},"data":[{}],"ts":1736348770700}})", action, arg, rows);
}

const std::string trade = push("update", row("1260903622036942849", "26293.40"));
constexpr const char* shown_trade = "BTC=26293.4USDT#1260903622036942849@2025-01-08T15:06:10.627Z";

std::string with(std::string_view from, std::string_view to) {
    return frame(replaced(trade, from, to));
}

TEST(Bitget, AddressesAndMessages) {
    const auto venue = bitget();
    EXPECT_EQ(venue->stream_url(), "wss://bitget/v2/ws/public");
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{0, 2}, {1, now}),
              R"({"op":"subscribe","args":[{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},)"
              R"({"instType":"SPOT","channel":"trade","instId":"SHIBUSDT"}]})");
    EXPECT_EQ(venue->unsubscribe_message(std::vector<std::size_t>{2}, {1, now, {}}),
              R"({"op":"unsubscribe","args":[{"instType":"SPOT","channel":"trade","instId":"SHIBUSDT"}]})");
    EXPECT_EQ(bitget("wss://bitget/v3/ws/public")->subscribe_message(std::vector<std::size_t>{0}, {1, now}),
              R"({"op":"subscribe","args":[)" + v3_arg + "]}");
    EXPECT_EQ(venue->keep_alive_text(now), "ping");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{1}),
              "https://bitget/api/v2/spot/market/tickers?symbol=ETHUSDT");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}), "https://bitget/api/v2/spot/market/tickers");
    EXPECT_EQ(bitget_type.symbol_of("DOGE"), "DOGEUSDT");
    EXPECT_EQ(bitget_type.symbol_of("USDT"), std::nullopt);
    EXPECT_EQ(bitget_type.symbol_of("USDC"), std::nullopt);
    for (const char* bad : {"", "btcusdt", "BTC-USDT", "BTCUSDT_SPBL", "A\"B"})
        EXPECT_FALSE(bitget_type.is_symbol(bad)) << bad;
    EXPECT_EQ(bitget_type.weight, 2);
    EXPECT_EQ(bitget_type.off_reason, "");
}

TEST(Bitget, Trades) {
    const auto venue = bitget();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), shown_trade);
    EXPECT_EQ(stream(trade), "") << "it has come before";
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_TRUE(stream(trade + "x").starts_with("not_json: "));
    EXPECT_EQ(stream(push("update", row("1260903622036942853", "8", 1736348770900) + "," +
                                        row("1260903622036942852", "7", 1736348770900) + "," +
                                        row("1260903622036942851", "6", 1736348770800))),
              "BTC=6USDT#1260903622036942851@2025-01-08T15:06:10.8Z "
              "BTC=7USDT#1260903622036942852@2025-01-08T15:06:10.9Z "
              "BTC=8USDT#1260903622036942853@2025-01-08T15:06:10.9Z")
        << "the newest is sent first";
    EXPECT_EQ(stream(push("update", "")), "");
    EXPECT_EQ(ShownStream(*venue, now + 6min)(trade), std::string("old ") + shown_trade);
}

TEST(Bitget, ASnapshotIsThePastAndNoneOfItComesAgain) {
    const auto venue = bitget();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(push("snapshot", row("3", "30") + "," + row("2", "20") + "," + row("1", "10"))),
              "old BTC=10USDT#1@2025-01-08T15:06:10.627Z old BTC=20USDT#2@2025-01-08T15:06:10.627Z "
              "old BTC=30USDT#3@2025-01-08T15:06:10.627Z");
    EXPECT_EQ(stream(push("update", row("4", "40") + "," + row("3", "30"))),
              "BTC=40USDT#4@2025-01-08T15:06:10.627Z");
    std::string longest;
    for (int id = 1500; id > 1000; --id)
        longest += (longest.empty() ? "" : ",") + row(std::to_string(id), "10");
    stream(push("snapshot", longest));
    EXPECT_EQ(stream(push("update", longest)), "") << "500 trades are the most that it sends";
}

TEST(Bitget, TheOtherForm) {
    const auto venue = bitget("wss://bitget/v3/ws/public");
    ShownStream stream(*venue, now);
    const std::string row =
        R"({"i":"1260903622036942849","p":"26293.40","v":"0.1","S":"sell","T":"1736348770627","L":"7","isRPI":"no"})";
    EXPECT_EQ(stream(push("update", row, v3_arg)), shown_trade);
    EXPECT_EQ(stream(R"({"event":"subscribe","arg":)" + v3_arg + "}"), "acknowledged BTCUSDT");
    EXPECT_EQ(ShownStream(*venue, now)(push("snapshot", row, v3_arg)), std::string("old ") + shown_trade);
    EXPECT_EQ(frame(push("update", replaced(row, R"("v")", R"("price":"26293.40","v")"), v3_arg)),
              "1 refused: '' at '1736348770627' is not a valid price of BTCUSDT")
        << "which of the two is right?";
}

TEST(Bitget, OnlySpotIsTheMarket) {
    EXPECT_EQ(with(R"("SPOT")", R"("USDT-FUTURES")"), "");
    EXPECT_EQ(frame(push("update", row("1", "7"), replaced(v3_arg, "spot", "usdt-futures"))), "");
    EXPECT_EQ(frame(R"({"event":"subscribe","arg":)" + replaced(v2_arg, "SPOT", "USDT-FUTURES") + "}"), "");
    EXPECT_EQ(with("BTCUSDT", "XRPUSDT"), "bad_quote: trades of 'XRPUSDT', which were not requested");
    EXPECT_EQ(with("BTCUSDT", "BTCUSDTPERP"), "bad_quote: trades of 'BTCUSDTPERP', which were not requested");
    EXPECT_EQ(frame(push("update", row("1", "7"), replaced(v2_arg, "}", R"(,"symbol":"ETHUSDT"})"))),
              "bad_quote: trades of '', which were not requested");
}

TEST(Bitget, AProtocolThatItHasGivenUpIsRefusedOnce) {
    const std::string old =
        R"({"action":"snapshot","arg":{"instType":"sp","channel":"trade","instId":"BTCUSDT"},"data":[["1632470889087","43411","0.1","buy"]]})";
    const auto venue = bitget();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(old), "wrong_shape: a frame of API v1, which Bitget has given up");
    EXPECT_EQ(stream(old), "");
}

TEST(Bitget, DigitsAreKept) {
    EXPECT_EQ(with("26293.40", "0.123456789012345678"),
              "BTC=0.123456789012345678USDT#1260903622036942849@2025-01-08T15:06:10.627Z");
    EXPECT_EQ(with(R"("26293.40")", "9.2E-7"),
              "BTC=0.00000092USDT#1260903622036942849@2025-01-08T15:06:10.627Z");
}

TEST(Bitget, AnUnusableTradeIsRefused) {
    for (const char* bad :
         {R"("0")", R"("-1")", R"("")", R"("x")", R"("1e400")", "null", "true", "[1]", "{}"}) {
        const std::string shown = with(R"("26293.40")", bad);
        EXPECT_EQ(shown.find('@'), std::string::npos) << bad << " gave " << shown;
        EXPECT_NE(shown, "") << bad;
    }
    for (const char* bad : {"0", "1736348770", "1736348770627000", "x", ""})
        EXPECT_TRUE(with("1736348770627", bad).starts_with("1 refused: '26293.40' at ")) << bad;
    EXPECT_EQ(with(R"("size")", R"("price":"2","size")").substr(0, 10), "1 refused:");
    EXPECT_EQ(with(R"("arg")", R"("arg":{},"arg")"), "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(with(R"("data")", R"("data":[],"data")"), "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(with(R"("arg")", R"("action":"snapshot","arg")"),
              "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(frame(R"({"action":"update","data":[]})"), "wrong_shape: a frame of an unknown shape");
}

TEST(Bitget, Events) {
    EXPECT_EQ(frame("pong"), "alive");
    EXPECT_EQ(frame(R"({"event":"subscribe","arg":)" + v2_arg + "}"), "acknowledged BTCUSDT");
    EXPECT_EQ(frame(R"({"event":"subscribe","arg":)" + replaced(v2_arg, "trade", "ticker") + "}"), "");
    EXPECT_EQ(frame(R"({"event":"subscribe","arg":)" + replaced(v2_arg, "BTC", "XRP") + "}"), "");
    EXPECT_EQ(frame(R"({"event":"error","arg":)" + v2_arg + R"(,"code":30001,"msg":"it doesn't exist"})"),
              "refused BTCUSDT: Bitget's error 30001: it doesn't exist");
    EXPECT_EQ(frame(R"({"event":"error","code":"30001","msg":"channel:trade,instId:ETHUSDT doesn't exist"})"),
              "refused ETHUSDT: Bitget's error 30001: channel:trade,instId:ETHUSDT doesn't exist");
    EXPECT_EQ(frame(R"({"event":"error","code":30003,"msg":"Invalid op"})"),
              "venue_error: Bitget's error 30003: Invalid op");
    EXPECT_EQ(frame(R"({"event":"error","arg":)" + v2_arg + R"(,"code":30006,"msg":"request too many"})"),
              "rate limited: Bitget's error 30006: request too many");
    EXPECT_EQ(frame(R"({"event":"error","code":40200,"msg":"Server upgrade, please try again later"})"),
              "maintenance: Bitget's error 40200: Server upgrade, please try again later");
    EXPECT_EQ(
        frame(push("snapshot", R"({"asks":[["1","2"]],"bids":[]})", replaced(v2_arg, "trade", "books1"))),
        "");
    EXPECT_EQ(frame("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(frame("[]"), "wrong_shape: a frame that is not an object");
    EXPECT_EQ(frame("<html>"), "not_json: a frame that is not JSON");
}

TEST(Bitget, RestAnswers) {
    const auto venue = bitget();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string good =
        R"({"code":"00000","msg":"success","requestTime":1736348770900,"data":[)"
        R"({"symbol":"BTCUSDT","lastPr":"26293.40","bidPr":"26293","askPr":"26294","bidSz":"1","askSz":"2","ts":"1736348770900"},)"
        R"({"symbol":"BTCEUR","lastPr":"1","bidPr":"1","askPr":"1","bidSz":"1","askSz":"2","ts":"1736348770900"}]})";
    EXPECT_EQ(answer(good), "BTC=26293.4USDT@2025-01-08T15:06:11Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(good), "old BTC=26293.4USDT@2025-01-08T15:06:11Z") << "neither price nor book has moved";
    const std::string moved = replaced(good, R"("bidSz":"1")", R"("bidSz":"7")");
    EXPECT_EQ(answer(moved), "BTC=26293.4USDT@2025-01-08T15:06:11Z");
    EXPECT_EQ(answer(replaced(good, R"("ts":"1736348770900"},)", R"("ts":"1736348700900"},)")),
              "old BTC=26293.4USDT@2025-01-08T15:06:11Z")
        << "a ticker of a minute ago";
    EXPECT_EQ(answer(replaced(good, "26293.40", "")), "1 refused: '' as the price of 'BTCUSDT'");
    EXPECT_EQ(answer(R"({"code":"00000","msg":"success","requestTime":1,"data":[]})"), "");
    EXPECT_EQ(answer(R"({"code":"40034","msg":"Parameter does not exist","requestTime":1,"data":null})"),
              "unknown_symbol: Bitget's error 40034: Parameter does not exist");
    EXPECT_EQ(answer(R"({"code":"40309","msg":"The symbol has been removed","data":null})"),
              "unknown_symbol: Bitget's error 40309: The symbol has been removed");
    EXPECT_EQ(answer(R"({"code":"429","msg":"Too Many Requests"})"),
              "rate_limited: Bitget's error 429: Too Many Requests");
    EXPECT_EQ(answer(R"({"code":"40200","msg":"Server upgrade, please try again later","data":null})"),
              "venue_error: Bitget's error 40200: Server upgrade, please try again later");
    for (const char* bad : {"{}", R"({"code":"00000"})", R"({"code":"00000","code":"1","data":[]})", "[7]"})
        EXPECT_TRUE(answer(bad).starts_with("wrong_shape: ")) << bad << answer(bad);
    EXPECT_TRUE(answer("<html>").starts_with("not_json: "));
}

TEST(Bitget, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto samples = *path / "venues/samples";
    std::string shown;
    for (const char* file :
         {"Spot_Trades.txt", "Spot_Ticker.txt", "Unified_Trades.txt", "Unified_Ticker.txt"}) {
        for (const std::string& bytes : sample_frames(samples / "bitget" / file))
            shown += frame(bytes) + "\n";
    }
    EXPECT_EQ(shown,
              "acknowledged BTCUSDT\nold BTC=26293.4USDT#1000000000@2023-09-26T06:30:35.822Z\n"
              "\n\n\n\n\n\n")
        << "the others are tickers, and trades of futures";
    std::string rest = file_text(samples / "rest/Bitget/Spot_ExchangeData_GetTickers.txt");
    rest = rest.substr(rest.find('{'));
    EXPECT_EQ(show_answer(*bitget(), rest, now), "old BTC=34413.1USDT@2025-01-08T15:06:11Z");
}

}  // namespace
}  // namespace pricewire::feed::bitget_tests
