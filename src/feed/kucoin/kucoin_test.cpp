#include "feed/kucoin/kucoin.hpp"

#include <gtest/gtest.h>

#include "feed/session_play.hpp"
#include "feed/show.hpp"

namespace pricewire::feed::kucoin_tests {
namespace {

using namespace std::chrono_literals;

const Timestamp now{1'545'913'819s};

std::unique_ptr<Venue> kucoin(std::string ws_url = std::string(kucoin_type.stream.url)) {
    return kucoin_type.create({{"BTC", "BTC-USDT"}, {"ETH", "ETH-USDT"}},
                              {std::move(ws_url), "https://kucoin"});
}

constexpr const char* trade =
    R"({"type":"message","topic":"/market/match:BTC-USDT","subject":"trade.l3match","data":{"sequence":"1545896669145",)"
    R"("type":"match","symbol":"BTC-USDT","side":"buy","price":"0.08200000000000000000","size":"0.01",)"
    R"("tradeId":"5c24c5da03aa673885cd67aa","takerOrderId":"1","makerOrderId":"2","time":"1545913818099033203"}})";

// By a connection of its own.
std::string shown(std::string_view frame, Timestamp at = now) {
    const auto venue = kucoin();
    ShownStream stream(*venue, at);
    return stream(frame);
}
std::string with(std::string_view from, std::string_view to) {
    return shown(replaced(trade, from, to));
}

TEST(Kucoin, AddressesAndMessages) {
    const auto venue = kucoin();
    EXPECT_EQ(
        venue->subscribe_message(std::vector<std::size_t>{0, 1}, {.number = 3, .now = now}),
        R"({"id":"3","type":"subscribe","topic":"/market/match:BTC-USDT,ETH-USDT","privateChannel":false,"response":true})");
    EXPECT_EQ(
        venue->unsubscribe_message(std::vector<std::size_t>{1}, {.number = 4, .now = now}),
        R"({"id":"4","type":"unsubscribe","topic":"/market/match:ETH-USDT","privateChannel":false,"response":true})");
    EXPECT_EQ(venue->keep_alive_text(now), R"({"id":"1545913819000000","type":"ping"})");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{1}),
              "https://kucoin/api/v1/market/orderbook/level1?symbol=ETH-USDT");
    EXPECT_EQ(venue->rest_url(std::vector<std::size_t>{0, 1}), "https://kucoin/api/v1/market/allTickers");
    EXPECT_EQ(kucoin_type.symbol_of("DOGE"), "DOGE-USDT");
    EXPECT_EQ(kucoin_type.symbol_of("USDT"), std::nullopt) << "it has no dollar market";
    for (const char* bad : {"", "btc-usdt", "BTC/USDT", "A\"B", "A,B"})
        EXPECT_FALSE(kucoin_type.is_symbol(bad)) << bad;
}

TEST(Kucoin, TheAddressComesWithAToken) {
    const auto venue = kucoin();
    ASSERT_TRUE(venue->address_request());
    EXPECT_EQ(venue->address_request()->url, "https://kucoin/api/v1/bullet-public");
    EXPECT_TRUE(venue->address_request()->post);
    const auto address = [](std::string_view body, const Venue& from) {
        const auto parsed = from.parse_address(body);
        return parsed ? *parsed : std::string(to_string(parsed.error().kind)) + ": " + parsed.error().text;
    };
    const std::string good =
        R"({"code":"200000","data":{"token":"2neA_4==.WN+/","instanceServers":[{"endpoint":"wss://ws-api-spot.kucoin.com/",)"
        R"("encrypt":true,"protocol":"websocket","pingInterval":18000,"pingTimeout":10000},{"endpoint":"wss://other/"}]}})";
    EXPECT_EQ(address(good, *venue),
              "wss://ws-api-spot.kucoin.com/?token=2neA_4%3D%3D.WN%2B%2F&connectId=pricewire");
    EXPECT_EQ(address(good, *kucoin("wss://proxy/kucoin?a=1")),
              "wss://proxy/kucoin?a=1&token=2neA_4%3D%3D.WN%2B%2F&connectId=pricewire")
        << "the operator's own comes first";
    constexpr const char* none = "wrong_shape: an answer without a token or an address";
    EXPECT_EQ(address(replaced(good, "wss://ws-api", "ws://ws-api"), *venue), none) << "not encrypted";
    EXPECT_EQ(address(R"({"code":"200000","data":{"token":"x","instanceServers":[]}})", *venue), none);
    EXPECT_EQ(address(R"({"code":"200000","data":{"instanceServers":[{"endpoint":"wss://x/"}]}})", *venue),
              none);
    EXPECT_EQ(address(R"({"code":"429000","msg":"Too many requests"})", *venue),
              "rate_limited: KuCoin's error 429000: Too many requests");
    EXPECT_EQ(address(R"({"code":"400001","msg":"x"})", *venue), "venue_error: KuCoin's error 400001: x");
    for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(venue->parse_address(good.substr(0, n))) << n;
    EXPECT_FALSE(venue->parse_address(R"({"code":"200000","data":{"token":7}})"));
    EXPECT_FALSE(kucoin_type.create({}, {"wss://own", ""})->address_request())
        << "without a REST interface a stream of one's own needs no token";
}

TEST(Kucoin, Trades) {
    EXPECT_EQ(shown(trade), "BTC=0.082USDT@2018-12-27T12:30:18.099033Z");
    const auto venue = kucoin();
    ShownStream stream(*venue, now);
    EXPECT_TRUE(stream.refuses_every_part_of(trade));
    EXPECT_EQ(stream(trade), "BTC=0.082USDT@2018-12-27T12:30:18.099033Z");
    EXPECT_EQ(stream(trade), "") << "each trade once";
    EXPECT_EQ(stream(replaced(trade, "cd67aa", "cd67ab")), "BTC=0.082USDT@2018-12-27T12:30:18.099033Z");
    for (const char* none : {"null", "\"\"", "\"0\""}) {
        const std::string frame = replaced(trade, "\"5c24c5da03aa673885cd67aa\"", none);
        for (int i = 0; i < 2; ++i)
            EXPECT_EQ(stream(frame), "BTC=0.082USDT@2018-12-27T12:30:18.099033Z") << "no id is no id seen";
    }
    EXPECT_EQ(shown(trade, now + 6min).substr(0, 7), "old BTC");
    EXPECT_EQ(with("5c24c5da03aa673885cd67aa", "11067996711960577"),
              "BTC=0.082USDT#11067996711960577@2018-12-27T12:30:18.099033Z");
    EXPECT_EQ(with("0.08200000000000000000", "9.2E-7"), "BTC=0.00000092USDT@2018-12-27T12:30:18.099033Z");
    EXPECT_EQ(
        shown(
            R"({"data":{"symbol":"BTC-USDT","time":"1545913818099033203","price":"1","tradeId":"7"},"subject":"trade.l3match",)"
            R"("topic":"/market/match:BTC-USDT","type":"message"})"),
        "BTC=1USDT#7@2018-12-27T12:30:18.099033Z")
        << "fields in another order";
    for (const char* bad : {"0", "-1", "", "x", "1e400"})
        EXPECT_EQ(with("0.08200000000000000000", bad).substr(0, 12), "1 refused: '") << bad;
    for (const char* bad : {"1545913818099", "1545913818", "15459138180990332030", "x"})
        EXPECT_EQ(with("1545913818099033203", bad).substr(0, 12), "1 refused: '") << bad;
    EXPECT_EQ(with("match:BTC-USDT", "match:ETH-USDT"),
              "bad_quote: trades of '/market/match:ETH-USDT', which were not requested");
    EXPECT_EQ(with("match:BTC-USDT", "match:BTC-USDC"),
              "bad_quote: trades of '/market/match:BTC-USDC', which were not requested");
    EXPECT_EQ(with(R"("side":"buy")", R"("price":"1")"), "wrong_shape: a frame with a duplicate field");
    EXPECT_EQ(with(R"("type":"match")", R"("type":"done")"), "");
    EXPECT_EQ(with("trade.l3match", "trade.l3received"), "");
    EXPECT_EQ(with("/market/match:", "/market/level2:"), "");
}

TEST(Kucoin, TheUnifiedStreamsTradesAreRead) {
    const char* unified =
        R"({"T":"trade.SPOT","P":1545913818491160904,"d":{"E":206318,"M":1545913818480000000,"S":"sell","p":"92525.60",)"
        R"("q":"0.00008036","s":"ETH-USDT","ti":"20631804219899904"}})";
    EXPECT_EQ(shown(unified), "ETH=92525.6USDT#20631804219899904@2018-12-27T12:30:18.48Z");
    EXPECT_EQ(shown(replaced(unified, "ETH-USDT", "XBTUSDTM")),
              "bad_quote: trades of 'XBTUSDTM', which were not requested");
    EXPECT_EQ(shown(replaced(unified, "trade.SPOT", "ticker.SPOT")), "");
    EXPECT_EQ(shown(R"({"sessionId":"1","message":"welcome","pingInterval":18000})"), "greeting");
    EXPECT_EQ(shown(R"({"id":"1","result":true})"), "acknowledged message 1");
    EXPECT_EQ(shown(R"({"id":"1","result":false,"code":404,"reason":"symbol ETH-USDT not found"})"),
              "refused message 1 for ETH-USDT: KuCoin's error 404: symbol ETH-USDT not found");
}

TEST(Kucoin, Events) {
    EXPECT_EQ(shown(R"({"id":"NSkIrWGB1s","type":"welcome"})"), "greeting");
    EXPECT_EQ(shown(R"({"id":"2","type":"ack"})"), "acknowledged message 2");
    EXPECT_EQ(shown(R"({"id":"1545913819000000","type":"pong"})"), "alive");
    EXPECT_EQ(
        shown(R"({"id":"2","type":"error","code":404,"data":"topic /market/match:ETH-USDT is not found"})"),
        "refused message 2 for ETH-USDT: KuCoin's error 404: topic /market/match:ETH-USDT is not found");
    EXPECT_EQ(shown(R"({"id":"2","type":"error","code":404,"data":"topic is not found"})"),
              "refused message 2: KuCoin's error 404: topic is not found");
    EXPECT_EQ(shown(R"({"id":"2","type":"error","code":429,"data":"too many requests"})"),
              "rate limited: KuCoin's error 429: too many requests");
    EXPECT_EQ(shown(R"({"id":"7","type":"error","code":401,"data":"token is expired"})"),
              "venue_error: KuCoin's error 401: token is expired");
    EXPECT_EQ(shown(R"({"id":"a","type":"error","code":500,"data":"x"})"),
              "venue_error: KuCoin's error 500: x");
    EXPECT_EQ(shown(R"({"type":"notice","topic":"/x"})"), "");
    EXPECT_EQ(shown("{}"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(shown(R"({"type":"message"})"), "wrong_shape: a frame of an unknown shape");
    EXPECT_EQ(shown("<html>"), "not_json: a frame that is not JSON");
}

TEST(Kucoin, RestAnswers) {
    const auto venue = kucoin();
    const auto answer = [&](std::string_view body) { return show_answer(*venue, body, now); };
    const std::string all =
        R"({"code":"200000","data":{"time":1602832092060,"ticker":[{"symbol":"FOO-USDT","last":"1"},{"symbol":"BTC-USDT",)"
        R"("buy":"11328.9","sell":"11329","bestBidSize":"0.1","bestAskSize":"1","last":"11328.90"}]}})";
    EXPECT_EQ(answer(all), "BTC=11328.9USDT@2018-12-27T12:30:19Z");
    EXPECT_EQ(answer(all), "old BTC=11328.9USDT@2018-12-27T12:30:19Z") << "neither price nor book has moved";
    EXPECT_EQ(answer(replaced(all, "0.1", "0.2")), "BTC=11328.9USDT@2018-12-27T12:30:19Z");
    EXPECT_TRUE(refuses_every_part_of_answer(*venue, all, now));
    const std::string one =
        R"({"code":"200000","data":{"sequence":"1550467636704","price":"0.03715005","size":"0.17","bestAsk":"0.03715004",)"
        R"("bestAskSize":"1.788","bestBid":"0.03710768","bestBidSize":"3.803","time":1550653727731}})";
    EXPECT_EQ(answer(one).substr(0, 13), "wrong_shape: ") << "nobody knows whose it is";
    venue->rest_url(std::vector<std::size_t>{1});
    EXPECT_EQ(answer(one), "ETH=0.03715005USDT@2018-12-27T12:30:19Z");
    EXPECT_EQ(answer(one).substr(0, 4), "old ");
    EXPECT_EQ(answer(R"({"code":"200000","data":null})"), "unknown_symbol: KuCoin has no price of it");
    EXPECT_EQ(answer(R"({"code":"200000","data":{"ticker":[{"symbol":"BTC-USDT","last":null}]}})"),
              "1 refused: 'null' as the price of 'BTC-USDT'");
    EXPECT_EQ(answer(R"({"code":"429000","msg":"Too many requests"})"),
              "rate_limited: KuCoin's error 429000: Too many requests");
    EXPECT_EQ(answer(R"({"code":"900001","msg":"symbol not exists"})"),
              "unknown_symbol: KuCoin's error 900001: symbol not exists");
    EXPECT_EQ(answer(R"({"code":"500000","msg":"Internal Server Error"})"),
              "venue_error: KuCoin's error 500000: Internal Server Error");
    EXPECT_EQ(answer(R"({"unexpected":1})").substr(0, 13), "wrong_shape: ");
}

TEST(Kucoin, RecordedFrames) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto venue = kucoin_type.create({{"DAPPT", "DAPPT-BTC"}, {"ANKR", "ANKR-BTC"}}, {});
    ShownStream stream(*venue, Timestamp{1'619'378'330s});
    int trades = 0, others = 0, acknowledged = 0;
    std::string first;
    for (const std::string& frame : venue_frames(*path / "venues" / "kucoin.jsonl.gz")) {
        const std::string text = stream(frame);
        if (first.empty() && text.starts_with("DAPPT")) first = text;
        trades += text.starts_with("DAPPT=") || text.starts_with("ANKR=");
        acknowledged += text == "acknowledged message 1";
        others += !text.empty() && text.find('=') == std::string::npos &&
                  !text.starts_with("bad_quote: trades of '/market/match:") && !text.starts_with("ack") &&
                  text != "greeting";
    }
    EXPECT_EQ(first, "DAPPT=0.0000001117BTC@2021-04-25T19:18:47.73905Z");
    EXPECT_EQ(trades, 12);
    EXPECT_EQ(acknowledged, 13);
    EXPECT_EQ(others, 0);
}

TEST(Kucoin, ThroughASession) {
    Play p(kucoin());
    const std::string bootstrap =
        R"({"code":"200000","data":{"token":"secret","instanceServers":[{"endpoint":"wss://stream/"}]}})";
    p.start();
    p.address(1, 200, R"({"code":"429000","msg":"Too many requests"})");
    p.wait(70s);
    p.address(2, 200, bootstrap);
    p.opened(2);
    p.wait(1s);
    p.text(2, R"({"id":"a","type":"welcome"})");
    p.text(2, R"({"id":"1","type":"error","code":404,"data":"topic /market/match:ETH-USDT is not found"})");
    p.wait(1s);
    p.text(2, R"({"id":"2","type":"ack"})");
    p.text(2, replaced(trade, "1545913818099033203", "1700000071099033203"));
    EXPECT_EQ(p.done(), R"(0.0 POST for 1: https://kucoin/api/v1/bullet-public
0.0 connecting
0.0 warn: kucoin refuses its stream; next attempt in 65 s, REST is polled meanwhile | 429 Too Many Requests
0.0 refused (429 Too Many Requests)
2.0 GET /api/v1/market/allTickers
64.5 POST for 2: https://kucoin/api/v1/bullet-public
70.0 open 2 wss://stream/?token=secret&connectId=pricewire
71.0 send 2 {"id":"1","type":"subscribe","topic":"/market/match:BTC-USDT,ETH-USDT","privateChannel":false,"response":true}
71.0 warn: kucoin refuses to stream ETH (ETH-USDT), so REST is polled for it; if it has another name there, set it in market.symbols | KuCoin's error 404: topic /market/match:ETH-USDT is not found
71.0 refused (429 Too Many Requests; its stream refuses ETH (ETH-USDT))
71.1 send 2 {"id":"2","type":"subscribe","topic":"/market/match:BTC-USDT","privateChannel":false,"response":true}
72.0 quote BTC 0.082
72.0 streaming (its stream refuses ETH (ETH-USDT))
72.0 info: kucoin streams trades of BTC
)");
    p.closed(2, "closed by the server");
    p.wait(2s);
    p.address(3, 200, bootstrap);
    p.opened(3);
    p.text(3, R"({"id":"7","type":"error","code":401,"data":"token is expired"})");
    p.closed(3, "closed by the server");
    EXPECT_EQ(
        p.done(),
        R"(72.0 warn: kucoin's stream is down; prices come by REST until it is back | closed by the server
72.0 connecting (closed by the server; its stream refuses ETH (ETH-USDT))
72.1 POST for 3: https://kucoin/api/v1/bullet-public
74.0 open 3 wss://stream/?token=secret&connectId=pricewire
74.0 warn: kucoin sent a message without a usable price | KuCoin's error 401: token is expired
)");
}

TEST(Kucoin, Samples) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings: set PRICEWIRE_RECORDINGS";
    const auto samples = *path / "venues/samples";
    std::string all;
    for (const char* file :
         {"Spot_Trades.txt", "Spot_Ticker.txt", "Unified_Trade.txt", "Unified_Ticker.txt"}) {
        for (const std::string& frame : sample_frames(samples / "kucoin" / file)) all += shown(frame) + "\n";
    }
    EXPECT_EQ(all, R"(acknowledged message 1
BTC=0.082USDT@2018-12-27T12:30:18.099033Z
acknowledged message 1

acknowledged message 1
ETH=92525.6USDT#20631804219899904@2026-01-19T06:02:18.48Z
acknowledged message 1

)");
    const auto venue = kucoin();
    EXPECT_EQ(
        show_answer(*venue, sample_answer(samples / "rest/Kucoin/Spot_ExchangeData_GetTickers.txt"), now),
        "BTC=11328.9USDT@2018-12-27T12:30:19Z");
    venue->rest_url(std::vector<std::size_t>{0});
    EXPECT_EQ(
        show_answer(*venue, sample_answer(samples / "rest/Kucoin/Spot_ExchangeData_GetTicker.txt"), now),
        "BTC=0.03715005USDT@2018-12-27T12:30:19Z");
}

}  // namespace
}  // namespace pricewire::feed::kucoin_tests
