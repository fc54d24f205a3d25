#include "feed/okx/okx.hpp"

#include <gtest/gtest.h>

#include "feed/session_play.hpp"
#include "feed/show.hpp"

namespace pricewire::feed::okx_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'652'459'226s};

std::unique_ptr<Venue> okx() {
    return okx_type.create({{"BTC", "BTC-USDT"}, {"ETH", "ETH-USDT"}},
                           {"wss://okx/public", "https://okx/api/v5"});
}

constexpr const char* trade =
    R"({"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"338476308",)"
    R"("px":"30243.50","sz":"0.001","side":"buy","ts":"1652459226050","count":"3"}]})";

std::string with(std::string_view from, std::string_view to) {
    std::string text = trade;
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

TEST(Okx, AddressesAndMessages) {
    const auto venue = okx();
    EXPECT_EQ(venue->stream_url(), "wss://okx/public");
    EXPECT_EQ(venue->opening_message(), R"({"op":"subscribe","args":[{"channel":"status"}]})");
    EXPECT_EQ(venue->subscribe_message(std::vector<std::size_t>{0, 1}, {1, now}),
              R"({"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},)"
              R"({"channel":"trades","instId":"ETH-USDT"}]})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{1}),
              "https://okx/api/v5/market/ticker?instId=ETH-USDT");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}),
              "https://okx/api/v5/market/tickers?instType=SPOT");
    EXPECT_EQ(okx_type.symbol_of("DOGE"), "DOGE-USDT");
    EXPECT_EQ(okx_type.symbol_of("USDC"), std::nullopt) << "it has no dollar market";
    for (const char* bad : {"", "btc-usdt", "BTC/USDT", "A\"B", "BTC USDT"})
        EXPECT_FALSE(okx_type.is_symbol(bad)) << bad;
}

TEST(Okx, Trades) {
    const auto venue = okx();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream(trade), "BTC=30243.5USDT#338476308@2022-05-13T16:27:06.05Z");
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_TRUE(stream(std::string(trade) + "x").starts_with("not_json: "));
    EXPECT_EQ(stream(with("BTC-USDT", "BTC-USD-220527")),
              "bad_quote: trades of 'BTC-USD-220527', which were not requested");
    EXPECT_EQ(stream(with(R"("instId":"BTC-USDT"},)", R"("instId":"ETH-USDT"},)")),
              "1 refused: a trade of 'BTC-USDT' among those of ETH-USDT");
    for (const char* bad : {"0", "-1", "", "x", "1e400"}) {
        const std::string shown = stream(with("30243.50", bad));
        EXPECT_TRUE(shown.starts_with("1 refused: '")) << shown;
    }
    EXPECT_TRUE(stream(with("1652459226050", "1652459226")).starts_with("1 refused: "))
        << "seconds are of 1970";
    EXPECT_EQ(stream(R"({"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[)"
                     R"({"instId":"BTC-USDT","tradeId":"8","px":"8","ts":"1652459226050"},)"
                     R"({"instId":"BTC-USDT","tradeId":"7","px":"7","ts":"1652459226050"}]})"),
              "BTC=7USDT#7@2022-05-13T16:27:06.05Z BTC=8USDT#8@2022-05-13T16:27:06.05Z")
        << "in the order of their ids";
}

TEST(Okx, TheLastTradeFromBeforeTheSubscriptionIsOld) {
    const auto venue = okx();
    ShownStream stream(*venue, now + 26s);
    EXPECT_EQ(stream(trade), "old BTC=30243.5USDT#338476308@2022-05-13T16:27:06.05Z");
    EXPECT_EQ(stream(trade), "") << "it has come before";
    EXPECT_EQ(stream(with("338476308", "338476309")), "BTC=30243.5USDT#338476309@2022-05-13T16:27:06.05Z")
        << "a clock that differs costs the first push alone";
    ShownStream later(*venue, now + 6min);
    later(trade);
    EXPECT_EQ(later(with("338476308", "338476309")).substr(0, 7), "old BTC")
        << "minutes ago is the past by any clock";
}

TEST(Okx, Events) {
    const auto venue = okx();
    ShownStream stream(*venue, now);
    EXPECT_EQ(stream("pong"), "alive");
    EXPECT_EQ(stream(R"({"event":"subscribe","arg":{"channel":"trades","instId":"ETH-USDT"},"connId":"a"})"),
              "acknowledged ETH-USDT");
    EXPECT_EQ(stream(R"({"event":"subscribe","arg":{"channel":"tickers","instId":"ETH-USDT"},"connId":"a"})"),
              "");
    EXPECT_EQ(
        stream(
            R"({"event":"error","code":"60018","msg":"Wrong URL or channel:trades,instId:ETH-USDT doesn't exist.","connId":"a"})"),
        "refused ETH-USDT: OKX's error 60018: Wrong URL or channel:trades,instId:ETH-USDT doesn't exist.");
    EXPECT_EQ(stream(R"({"event":"error","code":"60012","msg":"Invalid request: {}"})"),
              "refused the oldest message: OKX's error 60012: Invalid request: {}");
    EXPECT_EQ(
        stream(
            R"({"event":"error","arg":{"channel":"trades","instId":"ETH-USDT"},"code":"60018","msg":"it does not exist"})"),
        "refused ETH-USDT: OKX's error 60018: it does not exist");
    EXPECT_EQ(stream(R"({"event":"error","code":"60009","msg":"Login failed."})"),
              "venue_error: OKX's error 60009: Login failed.");
    EXPECT_EQ(stream(R"({"event":"error","code":"60014","msg":"Requests too frequent"})"),
              "rate limited: OKX's error 60014: Requests too frequent");
    EXPECT_EQ(stream(R"({"event":"notice","code":"64008","msg":"The connection will soon be closed"})"),
              "server leaves");
    EXPECT_EQ(
        stream(
            R"({"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","last":"1"}]})"),
        "");
    const std::string maintenance =
        R"({"arg":{"channel":"status"},"data":[{"begin":"1672823400000","state":"ongoing","serviceType":"5",)"
        R"("system":"unified","env":"1","title":"Spot system upgrade"}]})";
    EXPECT_EQ(stream(maintenance), "maintenance: OKX's maintenance 'Spot system upgrade'");
    EXPECT_EQ(stream(replaced(maintenance, "ongoing", "scheduled")), "");
    EXPECT_EQ(stream(replaced(maintenance, R"("env":"1")", R"("env":"2")")), "") << "of demo trading";
    EXPECT_EQ(stream(replaced(maintenance, R"("serviceType":"5")", R"("serviceType":"7")")), "") << "of bots";
    EXPECT_EQ(stream(R"({"table":"spot/trade","data":[{"instrument_id":"BTC-USDT","price":"1"}]})"),
              "wrong_shape: a frame of an unknown shape")
        << "as before version 5";
    EXPECT_EQ(stream("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(stream("<html>"), "not_json: a frame that is not JSON");
}

TEST(Okx, RestAnswers) {
    const auto venue = okx();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string_view good =
        R"({"code":"0","msg":"","data":[{"instType":"SPOT","instId":"ABC-USDT","last":"1","ts":"1652459226050"},)"
        R"({"instType":"SPOT","instId":"BTC-USDT","last":"30243.5","ts":"1652459226050"}]})";
    EXPECT_EQ(answer(good), "BTC=30243.5USDT@2022-05-13T16:27:06.05Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(good), "old BTC=30243.5USDT@2022-05-13T16:27:06.05Z") << "no newer than the last";
    EXPECT_EQ(show_answer(*venue, replaced(std::string(good), R"("last":"30243.5")", R"("last":"30000")"),
                          now + 2min),
              "old BTC=30000USDT@2022-05-13T16:27:06.05Z")
        << "of a pair that is not traded any more";
    EXPECT_EQ(
        answer(R"({"code":"0","msg":"","data":[{"instId":"BTC-USDT","last":"","ts":"1652459226050"}]})"),
        "1 refused: '' as the price of 'BTC-USDT'");
    EXPECT_EQ(answer(R"({"code":"50011","msg":"Too Many Requests","data":[]})"),
              "rate_limited: OKX's error 50011: Too Many Requests");
    EXPECT_EQ(answer(R"({"code":"51001","msg":"Instrument ID does not exist","data":[]})"),
              "unknown_symbol: OKX's error 51001: Instrument ID does not exist");
    EXPECT_EQ(answer(R"({"code":51001,"msg":"Instrument ID does not exist","data":null})"),
              "unknown_symbol: OKX's error 51001: Instrument ID does not exist");
    EXPECT_EQ(answer(R"({"code":"50001","msg":"Service unavailable","data":[]})"),
              "venue_error: OKX's error 50001: Service unavailable");
    EXPECT_TRUE(answer(R"([{"unexpected":1}])").starts_with("wrong_shape: "));
    EXPECT_TRUE(answer("<html>").starts_with("not_json: "));
}

TEST(Okx, RecordedFrames) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = okx();
    ShownStream stream(*venue, now);
    std::string prices;
    int acknowledged = 0;
    for (const std::string& frame : venue_frames(*path / "venues" / "okx.jsonl.gz")) {
        if (frame.find(R"("channel":"trades","instId":"BTC-USDT")") == std::string::npos) continue;
        const std::string shown = stream(frame);
        acknowledged += shown == "acknowledged BTC-USDT";
        if (shown.starts_with("BTC=")) prices += shown.substr(4, shown.find('U') - 4) + " ";
    }
    EXPECT_EQ(acknowledged, 2);
    EXPECT_TRUE(
        prices.starts_with("30236 30243.5 30243.5 30243.5 30243.5 30243.5 30243.5 30243.5 30243.5 30250.1 "))
        << prices;
}

TEST(Okx, ThroughASession) {
    Play p(okx());
    const auto acknowledge = [&](int stream, const char* symbol) {
        p.text(stream, R"({"event":"subscribe","arg":{"channel":"trades","instId":")" + std::string(symbol) +
                           R"("},"connId":"a"})");
    };
    p.start();
    p.refused(1, 403, "", "<html>Access denied from your region</html>");
    p.wait(2s);
    p.answer(451, "");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://okx/public
0.0 connecting
0.0 warn: okx refuses its stream; next attempt in 61 min, REST is polled meanwhile | not available from here (status 403)
0.0 unavailable_here (not available from here (status 403))
2.0 GET /api/v5/market/tickers?instType=SPOT
2.0 warn: okx refuses REST requests; the next one is sent in 61 min | not available from here (status 451)
2.0 warn: okx provides no prices, neither by stream nor by REST | not available from here (status 403); REST: not available from here (status 451)
2.0 unavailable_here (not available from here (status 403); REST: not available from here (status 451))
)");
    p.wait(70min);
    p.opened(2);
    acknowledge(2, "BTC-USDT");
    p.text(2, R"({"event":"error","code":"60018","msg":"channel:trades,instId:ETH-USDT doesn't exist."})");
    p.text(2, replaced(trade, "1652459226050", "1700004200050"));
    p.text(
        2,
        R"({"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade."})");
    EXPECT_EQ(p.done(), R"(3622.6 open 2 wss://okx/public
3630.4 GET /api/v5/market/tickers?instType=SPOT
4202.0 send 2 {"op":"subscribe","args":[{"channel":"status"}]}
4202.0 send 2 {"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"},{"channel":"trades","instId":"ETH-USDT"}]}
4202.0 warn: okx refuses to stream ETH (ETH-USDT), so REST is polled for it; if it has another name there, set it in market.symbols | OKX's error 60018: channel:trades,instId:ETH-USDT doesn't exist.
4202.0 unavailable_here (not available from here (status 403); REST: not available from here (status 451); its stream refuses ETH (ETH-USDT))
4202.0 quote BTC 30243.5
4202.0 streaming (REST: not available from here (status 451); its stream refuses ETH (ETH-USDT))
4202.0 info: okx streams trades of BTC
4202.0 debug: okx's stream is renewed before the venue ends it
4202.0 open 3 wss://okx/public
)");
    p.opened(3);
    acknowledge(3, "BTC-USDT");
    p.wait(200ms);
    p.text(3, R"({"event":"error","code":"60018","msg":"channel:trades,instId:ETH-USDT doesn't exist."})");
    p.wait(7500ms);
    p.text(3, "pong");
    p.wait(1s);
    p.text(
        3,
        R"({"arg":{"channel":"status"},"data":[{"state":"ongoing","serviceType":"0","env":"1","title":"t"}]})");
    p.wait(10s);
    EXPECT_EQ(p.done(), R"(4202.0 send 3 {"op":"subscribe","args":[{"channel":"status"}]}
4202.0 send 3 {"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}
4202.2 send 3 {"op":"subscribe","args":[{"channel":"trades","instId":"ETH-USDT"}]}
4202.2 close 2
4209.7 send 3 ping
4210.7 close 3
4210.7 warn: okx is closed for maintenance; it is looked at again in 3 min, REST is polled meanwhile | in maintenance: OKX's maintenance 't'
4210.7 warn: okx provides no prices, neither by stream nor by REST | in maintenance: OKX's maintenance 't'; REST: not available from here (status 451); its stream refuses ETH (ETH-USDT)
4210.7 unavailable_here (in maintenance: OKX's maintenance 't'; REST: not available from here (status 451); its stream refuses ETH (ETH-USDT))
)");
}

TEST(Okx, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto samples = *path / "venues/samples";
    std::string all;
    for (const char* file : {"Unified_ExchangeData_Trades.txt", "Unified_ExchangeData_Ticker.txt",
                             "Unified_ExchangeData_SystemStatus.txt"}) {
        for (const std::string& frame : sample_frames(samples / "okx" / file))
            all += ShownStream(*okx(), now)(frame) + "\n";
    }
    EXPECT_EQ(all, R"(acknowledged ETH-USDT
1 refused: a trade of 'BTC-USDT' among those of ETH-USDT




)");
    EXPECT_EQ(
        show_answer(*okx(), sample_answer(samples / "rest/OKX/UnifiedApi_ExchangeData_GetTickers.txt"), now),
        "");
}

}  // namespace
}  // namespace pricewire::feed::okx_tests
