// Gemini's life cycle, refusals and faults, played line by line without sockets.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/gemini/gemini.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed::gemini_session_tests {
namespace {

using namespace std::chrono_literals;

class GeminiSession : public ::testing::Test {
protected:
    void trade(int stream, std::string_view pair, std::string_view price) {
        p.text(stream, fmt::format(R"({{"E":{}000,"s":"{}","t":{},"p":"{}","q":"1","m":true}})",
                                   to_micros(p.now().wall), pair, ++id_, price));
    }
    void open() {
        p.start();
        p.opened(1);
        p.text(1, R"({"id":"1","status":200,"result":null})");
        trade(1, "btcusd", "65000.10");
        trade(1, "ethusd", "3100.5");
        p.done();
    }

    Play p{gemini_type, {"BTC", "ETH"}, {"wss://gemini", "https://gemini"}};

private:
    int id_ = 0;
};

TEST_F(GeminiSession, LifeCycle) {
    p.start();
    p.opened(1);
    p.text(1, R"({"id":"1","status":200,"result":null})");
    trade(1, "btcusd", "65000.10");
    trade(1, "ethusd", "3100.5");
    p.wait(30s);
    p.ping(1);
    p.closed(1, "the connection ended: end of stream");
    p.wait(2s);
    p.answer(200, R"([{"pair":"BTCUSD","price":"65000.20"},{"pair":"ETHUSD","price":"3100.50"}])");
    p.stop();
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://gemini
0.0 connecting
0.0 send 1 {"id":"1","method":"subscribe","params":["btcusd@trade","ethusd@trade"]}
0.0 quote BTC 65000.1
0.0 streaming
0.0 info: gemini streams trades of BTC, ETH
0.0 quote ETH 3100.5
10.0 GET /v1/pricefeed
30.0 ping 1
30.0 warn: gemini's stream is down; prices come by REST until it is back | the connection ended: end of stream
30.0 connecting (the connection ended: end of stream)
30.9 open 2 wss://gemini
32.0 quote BTC 65000.2
32.0 quote ETH 3100.5
32.0 GET /v1/pricefeed
32.0 polling_fallback (its stream: the connection ended: end of stream)
32.0 info: prices of gemini come by REST every 5s until its stream has trades
32.0 close 2
32.0 idle (stopped)
)");
}

TEST_F(GeminiSession, AConnectionIsRenewedWithinADay) {
    open();
    while (p.since_start() < 23h) {
        p.wait(20s);
        trade(1, "btcusd", "65000.10");
        trade(1, "ethusd", "3100.5");
    }
    EXPECT_EQ(p.count("open 2 wss://gemini"), 1) << "20 to 23 h is the age of its end";
    p.done();
    p.opened(2);
    p.text(2, R"({"id":"1","status":200,"result":null})");
    trade(2, "btcusd", "65000.20");
    const std::string done = p.done();
    EXPECT_NE(done.find("close 1\n"), std::string::npos) << done;
    EXPECT_NE(done.find("quote BTC 65000.2\n"), std::string::npos) << done;
}

TEST_F(GeminiSession, OneBadSymbolIsFoundByHalves) {
    p.start();
    p.opened(1);
    p.text(1, R"({"id":"1","status":400,"error":{"code":-1121,"msg":"Invalid symbol"}})");
    p.wait(500ms);
    p.text(1, R"({"id":"2","status":200,"result":null})");
    p.wait(500ms);
    p.text(1, R"({"id":"3","status":400,"error":{"code":-1121,"msg":"Invalid symbol"}})");
    trade(1, "btcusd", "65000.10");
    p.wait(30s);
    EXPECT_EQ(p.done(),
              R"(0.0 open 1 wss://gemini
0.0 connecting
0.0 send 1 {"id":"1","method":"subscribe","params":["btcusd@trade","ethusd@trade"]}
0.5 send 1 {"id":"2","method":"subscribe","params":["btcusd@trade"]}
1.0 send 1 {"id":"3","method":"subscribe","params":["ethusd@trade"]}
1.0 warn: gemini refuses to stream ETH (ethusd), so REST is polled for it; if it has another name there, set it in market.symbols | Gemini's error -1121: Invalid symbol
1.0 GET /v1/pricefeed
1.0 connecting (its stream refuses ETH (ethusd))
1.0 quote BTC 65000.1
1.0 streaming (its stream refuses ETH (ethusd))
1.0 info: gemini streams trades of BTC
31.0 ping 1
)");
}

TEST_F(GeminiSession, Refusals) {
    p.start();
    p.refused(1, 403, {}, "<html>unavailable in the U.S.</html>");
    p.wait(2s);
    p.answer(429, R"({"result":"error","reason":"RateLimit"})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://gemini
0.0 connecting
0.0 warn: gemini refuses its stream; next attempt in 61 min, REST is polled meanwhile | not available from here (status 403)
0.0 unavailable_here (not available from here (status 403))
2.0 GET /v1/pricefeed
2.0 warn: gemini refuses REST requests; the next one is sent in 66 s | 429 Too Many Requests
2.0 warn: gemini provides no prices, neither by stream nor by REST | not available from here (status 403); REST: 429 Too Many Requests
2.0 unavailable_here (not available from here (status 403); REST: 429 Too Many Requests)
)");
    p = Play{gemini_type, {"BTC"}, {"wss://gemini", "https://gemini"}};
    p.start();
    p.opened(1);
    p.text(1, R"({"id":"1","status":429,"error":{"code":-1003,"msg":"Too many requests"}})");
    p.wait(2s);
    p.answer(200, R"({"result":"error","reason":"Maintenance","message":"The exchange is closed"})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://gemini
0.0 connecting
0.0 send 1 {"id":"1","method":"subscribe","params":["btcusd@trade"]}
0.0 warn: gemini limits the rate of messages; subscribing continues in 5m | Gemini's error -1003: Too many requests
2.0 GET /v1/pricefeed
2.0 warn: gemini provides no prices by REST either; retrying both with back-off | Gemini's error Maintenance: The exchange is closed
2.0 connecting (Gemini's error Maintenance: The exchange is closed)
)");
}

TEST_F(GeminiSession, Faults) {
    open();
    p.text(1, "\x7f\x01{{{");
    p.text(1, R"({"E":1,"s":7,"t":[],"p":[]})");
    p.text(1, R"({"id":null,"status":500,"error":{"code":-1000,"msg":"Internal error"}})");
    p.text(1, R"({"type":"trade","symbol":"BTCUSD","price":"1"})");
    trade(1, "btcusd", "0");
    p.wait(65s);
    p.answer(200, R"([{"unexpected":{"price":[]}}])");
    EXPECT_EQ(p.done(), R"(0.0 warn: gemini sent a message without a usable price | a frame that is not JSON
0.0 warn: gemini refused a message | Gemini's error -1000: Internal error
10.0 GET /v1/pricefeed
30.0 ping 1
60.0 close 1
60.0 warn: gemini's stream is down; prices come by REST until it is back | no data for 1m
60.0 silent (no data for 1m)
60.9 open 2 wss://gemini
65.0 warn: gemini provides no prices by REST either; retrying both with back-off | an answer of an unknown shape: [{"unexpected":{"price":[]}}]
65.0 warn: gemini provides no prices, neither by stream nor by REST | no data for 1m; REST: an answer of an unknown shape: [{"unexpected":{"price":[]}}]
65.0 silent (no data for 1m; REST: an answer of an unknown shape: [{"unexpected":{"price":[]}}])
)");
}

}  // namespace
}  // namespace pricewire::feed::gemini_session_tests
