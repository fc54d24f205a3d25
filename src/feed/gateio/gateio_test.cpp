#include "feed/gateio/gateio.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/session_play.hpp"
#include "feed/show.hpp"

namespace pricewire::feed::gateio_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'606'292'219s};

std::unique_ptr<Venue> gateio() {
    return gateio_type.create({{"BTC", "BTC_USDT"}, {"ETH", "ETH_USDT"}},
                              {"wss://gate/ws/v4", "https://gate/v4"});
}

constexpr const char* trade =
    R"({"time":1606292218,"time_ms":1606292218231,"channel":"spot.trades","event":"update","result":{"id":309143071,)"
    R"("create_time":1606292218,"create_time_ms":"1606292218213.4578","side":"sell","currency_pair":"BTC_USDT",)"
    R"("amount":"16.4700000000","price":"19137.7400000000","range":"2390902-2390902"}})";

// By a connection of its own.
std::string shown(std::string_view frame, Timestamp at = now) {
    const auto venue = gateio();
    ShownStream stream(*venue, at);
    return stream(frame);
}
std::string with(std::string_view from, std::string_view to) {
    return shown(replaced(trade, from, to));
}

TEST(Gateio, AddressesAndMessages) {
    const auto venue = gateio();
    EXPECT_EQ(venue->stream_url(), "wss://gate/ws/v4/");
    EXPECT_EQ(
        venue->subscribe_message(std::vector<std::size_t>{0, 1}, {.number = 3, .now = now}),
        R"({"time":1606292219,"id":3,"channel":"spot.trades","event":"subscribe","payload":["BTC_USDT","ETH_USDT"]})");
    EXPECT_EQ(
        venue->unsubscribe_message(std::vector<std::size_t>{1}, {.number = 4, .now = now}),
        R"({"time":1606292219,"id":4,"channel":"spot.trades","event":"unsubscribe","payload":["ETH_USDT"]})");
    EXPECT_EQ(venue->keep_alive_text(now), R"({"time":1606292219,"channel":"spot.ping"})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{1}),
              "https://gate/v4/spot/tickers?currency_pair=ETH_USDT");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}), "https://gate/v4/spot/tickers");
    EXPECT_EQ(gateio_type.symbol_of("DOGE"), "DOGE_USDT");
    EXPECT_EQ(gateio_type.symbol_of("USDT"), std::nullopt) << "it has no dollar market";
    EXPECT_EQ(gateio_type.symbol_of("USDC"), std::nullopt);
    for (const char* bad : {"", "btc_usdt", "BTC/USDT", "A\"B", "BTC USDT"})
        EXPECT_FALSE(gateio_type.is_symbol(bad)) << bad;
}

TEST(Gateio, Trades) {
    EXPECT_EQ(shown(trade), "BTC=19137.74USDT#309143071@2020-11-25T08:16:58.213457Z");
    const auto venue = gateio();
    ShownStream stream(*venue, now);
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_EQ(shown(std::string(trade) + "x").substr(0, 10), "not_json: ");
    EXPECT_EQ(shown(trade, now + 6min).substr(0, 7), "old BTC");
    EXPECT_EQ(with(R"("19137.7400000000")", "9.2E-7"),
              "BTC=0.00000092USDT#309143071@2020-11-25T08:16:58.213457Z");
    EXPECT_EQ(with("213.4578", "213"), "BTC=19137.74USDT#309143071@2020-11-25T08:16:58.213Z");
    EXPECT_EQ(with("213.4578", "213.45"), "BTC=19137.74USDT#309143071@2020-11-25T08:16:58.21345Z");
    EXPECT_EQ(with(R"("create_time_ms":"1606292218213.4578",)", ""),
              "BTC=19137.74USDT#309143071@2020-11-25T08:16:58Z");
    EXPECT_EQ(with(R"("1606292218213.4578")", "null"), "BTC=19137.74USDT#309143071@2020-11-25T08:16:58Z");
    EXPECT_EQ(with("309143071", "6934567890123456789"),
              "BTC=19137.74USDT#6934567890123456789@2020-11-25T08:16:58.213457Z");
    for (const char* bad : {"0", "-1", "", "x", "1e400", "1,5"}) {
        const std::string text = with("19137.7400000000", bad);
        EXPECT_EQ(text.substr(0, 12), "1 refused: '") << text;
    }
    for (const char* bad : {"1606292218", "213.4x", "1606292218213457000"}) {
        const std::string text = with("1606292218213.4578", bad);
        EXPECT_EQ(text.substr(0, 12), "1 refused: '") << text;
    }
    EXPECT_EQ(with("BTC_USDT", "BTC_USDC"), "bad_quote: trades of 'BTC_USDC', which were not requested");
    EXPECT_EQ(with("BTC_USDT", "BTC3L_USDT"), "bad_quote: trades of 'BTC3L_USDT', which were not requested");
    EXPECT_EQ(with(R"("side":"sell")", R"("price":"1")"), "1 refused: an invalid trade of 'BTC_USDT'");
    EXPECT_EQ(with("spot.trades", "spot.candlesticks"), "");
    EXPECT_EQ(with("currency_pair", "pair"), "wrong_shape: a frame of an unknown shape");
}

TEST(Gateio, AListOfTradesIsReadInTheOrderOfItsIdsAndEachTradeOnce) {
    const auto venue = gateio();
    ShownStream stream(*venue, now);
    const auto item = [](int id, const char* pair, const char* price) {
        return fmt::format(
            R"({{"id":{},"create_time_ms":"1606292218213.1","currency_pair":"{}","price":"{}"}})", id, pair,
            price);
    };
    const auto list = [](const std::string& items) {
        return R"({"channel":"spot.trades","event":"update","result":[)" + items + "]}";
    };
    EXPECT_EQ(stream(list(item(8, "BTC_USDT", "8") + "," + item(7, "ETH_USDT", "7") + "," +
                          item(6, "NO_USDT", "6"))),
              "ETH=7USDT#7@2020-11-25T08:16:58.2131Z BTC=8USDT#8@2020-11-25T08:16:58.2131Z "
              "1 refused: an invalid trade of 'NO_USDT'");
    EXPECT_EQ(stream(list(item(8, "BTC_USDT", "8") + "," + item(9, "BTC_USDT", "9"))),
              "BTC=9USDT#9@2020-11-25T08:16:58.2131Z");
    EXPECT_EQ(stream(list("")), "");
    EXPECT_EQ(
        stream(R"({"channel":"spot.trades","event":"update","result":[)"
               R"({"id":"b-1","create_time_ms":"1606292218213.2","currency_pair":"BTC_USDT","price":"2"},)"
               R"({"id":"a-9","create_time_ms":"1606292218213.1","currency_pair":"BTC_USDT","price":"1"}]})"),
        "BTC=1USDT@2020-11-25T08:16:58.2131Z BTC=2USDT@2020-11-25T08:16:58.2132Z")
        << "ids that are no numbers have no order";
    EXPECT_EQ(stream(list("7")), "wrong_shape: a frame of an unknown shape");
}

TEST(Gateio, Events) {
    const auto answer = [](const char* rest) {
        return shown(R"({"time":1,"channel":"spot.trades","event":"subscribe",)" + std::string(rest) + "}");
    };
    EXPECT_EQ(answer(R"("id":2,"result":{"status":"success"})"), "acknowledged message 2");
    EXPECT_EQ(answer(R"("id":2,"payload":["BTC_USDT","FOO_USDT"],"result":{"status":"success"})"),
              "acknowledged BTC_USDT")
        << "and no other";
    EXPECT_EQ(answer(R"("error":null,"result":{"status":"success"})"), "acknowledged the oldest message");
    EXPECT_EQ(
        answer(R"("id":2,"error":{"code":2,"message":"unknown currency pair: ETH_USDT"},"result":null)"),
        "refused message 2 for ETH_USDT: Gate.io's error 2: unknown currency pair: ETH_USDT");
    EXPECT_EQ(answer(R"("error":{"code":2,"message":"unknown currency pair: ETH"},"result":null)"),
              "refused the oldest message: Gate.io's error 2: unknown currency pair: ETH");
    EXPECT_EQ(answer(R"("id":2,"result":{"status":"fail"})"), "refused message 2: Gate.io's status 'fail'");
    EXPECT_EQ(answer(R"("id":2,"error":{"code":1,"message":"Too many requests"})"),
              "rate limited: Gate.io's error 1: Too many requests");
    EXPECT_EQ(answer(R"("result":null)"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(shown(R"({"channel":"spot.tickers","event":"subscribe","result":{"status":"success"}})"), "");
    EXPECT_EQ(shown(R"({"channel":"spot.trades","event":"unsubscribe","result":{"status":"success"}})"), "");
    EXPECT_EQ(
        shown(
            R"({"channel":"spot.trades","event":"unsubscribe","error":{"code":2,"message":"unknown pair"}})"),
        "");
    EXPECT_EQ(shown(R"({"channel":"spot.trades","event":"update","error":{"code":3,"message":"server"}})"),
              "venue_error: Gate.io's error 3: server");
    EXPECT_EQ(shown(R"({"time":1,"channel":"spot.pong","event":"","result":null})"), "alive");
    EXPECT_EQ(shown(R"({"channel":"spot.system","event":"update","result":{"type":"upgrade","msg":"soon"}})"),
              "server leaves");
    EXPECT_EQ(shown(R"({"channel":"spot.system","event":"update","result":{"type":"other"}})"), "");
    EXPECT_EQ(shown("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(shown("<html>"), "not_json: a frame that is not JSON");
    EXPECT_EQ(shown("pong"), "not_json: a frame that is not JSON");
}

TEST(Gateio, RestAnswers) {
    const auto venue = gateio();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string good =
        R"([{"currency_pair":"BTC3L_USDT","last":"2.46","lowest_ask":"2.47","highest_bid":"2.45"},)"
        R"({"currency_pair":"BTC_USDT","last":"19137.740","lowest_ask":"19138","highest_bid":"19137"}])";
    EXPECT_EQ(answer(good), "BTC=19137.74USDT@2020-11-25T08:16:59Z");
    EXPECT_EQ(answer(good), "old BTC=19137.74USDT@2020-11-25T08:16:59Z")
        << "neither price nor book has moved";
    EXPECT_EQ(answer(replaced(good, "19137\"", "19136\"")), "BTC=19137.74USDT@2020-11-25T08:16:59Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, good, now));
    EXPECT_EQ(answer(R"([{"currency_pair":"BTC_USDT","last":"0"}])"),
              "1 refused: '0' as the price of 'BTC_USDT'");
    EXPECT_EQ(answer(R"([{"currency_pair":"BTC_USDT","last":"1","last":"2"}])"),
              "1 refused: '1' as the price of 'BTC_USDT'");
    EXPECT_EQ(answer(R"({"label":"INVALID_CURRENCY_PAIR","message":"Invalid currency pair"})"),
              "unknown_symbol: Gate.io's error INVALID_CURRENCY_PAIR: Invalid currency pair");
    EXPECT_EQ(answer(R"({"label":"TOO_MANY_REQUESTS","message":"Request Rate limit Exceeded"})"),
              "rate_limited: Gate.io's error TOO_MANY_REQUESTS: Request Rate limit Exceeded");
    EXPECT_EQ(answer(R"({"label":"SERVER_ERROR","message":"x"})"),
              "venue_error: Gate.io's error SERVER_ERROR: x");
    EXPECT_EQ(answer(R"({"unexpected":1})").substr(0, 13), "wrong_shape: ");
    EXPECT_EQ(answer("[]"), "");
    EXPECT_EQ(answer("<html>").substr(0, 10), "not_json: ");
}

TEST(Gateio, RecordedFrames) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = gateio_type.create({{"NEO", "NEO_BTC"}, {"NANO", "NANO_USDT"}}, {});
    ShownStream stream(*venue, Timestamp{1'619'093'562s});
    std::string all;
    for (const std::string& frame : venue_frames(*path / "venues" / "gateio.jsonl.gz")) {
        const std::string text = stream(frame);
        if (!text.empty() && !text.starts_with("bad_quote: trades of '")) all += text + "\n";
    }
    EXPECT_EQ(all, R"(acknowledged the oldest message
NEO=0.0018735BTC#816995970@2021-04-22T12:12:26.958116Z
NEO=0.0018753BTC#816995982@2021-04-22T12:12:27.078008Z
NANO=8.7919USDT#816996977@2021-04-22T12:12:40.720907Z
NEO=0.0018716BTC#816996982@2021-04-22T12:12:40.80134Z
NEO=0.0018697BTC#816996983@2021-04-22T12:12:40.801582Z
NEO=0.0018678BTC#816997068@2021-04-22T12:12:42.050357Z
)");
}

TEST(Gateio, ThroughASession) {
    Play p(gateio());
    const auto answer = [&](int stream, int id, const char* rest) {
        p.text(stream,
               fmt::format(R"({{"channel":"spot.trades","event":"subscribe","id":{},{}}})", id, rest));
    };
    p.start();
    p.opened(1);
    answer(1, 1, R"("error":{"code":2,"message":"unknown currency pair: ETH_USDT"},"result":null)");
    p.wait(1s);
    answer(1, 2, R"("result":{"status":"success"})");
    p.text(1, replaced(trade, "1606292218213", "1700000001000"));
    p.answer(400, R"({"label":"INVALID_CURRENCY_PAIR","message":"Invalid currency pair"})");
    p.wait(9s);
    p.text(1, R"({"time":1,"channel":"spot.pong","event":"","result":null})");
    p.text(1, R"({"channel":"spot.system","event":"update","result":{"type":"upgrade"}})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://gate/ws/v4/
0.0 connecting
0.0 send 1 {"time":1700000000,"id":1,"channel":"spot.trades","event":"subscribe","payload":["BTC_USDT","ETH_USDT"]}
0.0 warn: gateio refuses to stream ETH (ETH_USDT), so REST is polled for it; if it has another name there, set it in market.symbols | Gate.io's error 2: unknown currency pair: ETH_USDT
0.0 GET /v4/spot/tickers?currency_pair=ETH_USDT
0.0 connecting (its stream refuses ETH (ETH_USDT))
0.1 send 1 {"time":1700000000,"id":2,"channel":"spot.trades","event":"subscribe","payload":["BTC_USDT"]}
1.0 quote BTC 19137.74
1.0 streaming (its stream refuses ETH (ETH_USDT))
1.0 info: gateio streams trades of BTC
1.0 warn: gateio does not know 'ETH_USDT', so it has no price of ETH; if it has another name there, set it in market.symbols | Gate.io's error INVALID_CURRENCY_PAIR: Invalid currency pair
1.0 streaming (it does not know ETH (ETH_USDT))
10.0 send 1 {"time":1700000010,"channel":"spot.ping"}
10.0 debug: gateio's stream is renewed before the venue ends it
10.0 open 2 wss://gate/ws/v4/
)");
    p.opened(2);
    answer(2, 1, R"("error":{"code":1,"message":"Too many requests"})");
    p.closed(1, "closed by the server");
    p.wait(10s);
    EXPECT_EQ(
        p.done(),
        R"(10.0 send 2 {"time":1700000010,"id":1,"channel":"spot.trades","event":"subscribe","payload":["BTC_USDT"]}
10.0 warn: gateio limits the rate of messages; subscribing continues in 5m | Gate.io's error 1: Too many requests
10.0 warn: gateio's stream is down; prices come by REST until it is back | closed by the server
10.0 connecting (closed by the server; it does not know ETH (ETH_USDT))
11.0 GET /v4/spot/tickers?currency_pair=BTC_USDT
16.0 silent (closed by the server; it does not know ETH (ETH_USDT))
20.0 send 2 {"time":1700000020,"channel":"spot.ping"}
)");
}

TEST(Gateio, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto samples = *path / "venues/samples";
    std::string all;
    for (const char* file : {"Spot_SubscribeToTradeUpdates.txt", "Spot_SubscribeToBookTickerUpdates.txt",
                             "Spot_SubscribeToTickerUpdates.txt"}) {
        for (const std::string& frame : sample_frames(samples / "gateio" / file)) all += shown(frame) + "\n";
    }
    EXPECT_EQ(all, R"(acknowledged ETH_USDT
ETH=0.4705USDT#309143071@2020-11-25T08:16:58.213457Z




)");
    EXPECT_EQ(
        show_answer(*gateio(), sample_answer(samples / "rest/GateIo/Spot_ExchangeData_GetTickers.txt"), now),
        "");
}

}  // namespace
}  // namespace pricewire::feed::gateio_tests
