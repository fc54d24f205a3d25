// Bybit's life cycle, refusals and faults, played line by line without sockets.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/bybit/bybit.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed::bybit_session_tests {
namespace {

using namespace std::chrono_literals;

constexpr const char* acknowledged =
    R"({"success":true,"ret_msg":"subscribe","conn_id":"a","req_id":"1","op":"subscribe"})";
constexpr const char* pong = R"({"success":true,"ret_msg":"pong","conn_id":"a","op":"ping"})";

class BybitSession : public ::testing::Test {
protected:
    void trade(int stream, std::string_view ticker, std::string_view price) {
        p.text(stream,
               fmt::format(R"({{"topic":"publicTrade.{0}USDT","type":"snapshot","ts":1,"data":[{{"T":{1},)"
                           R"("s":"{0}USDT","S":"Buy","v":"1","p":"{2}","i":"{3}","BT":false}}]}})",
                           ticker, to_micros(p.now().wall) / 1000, price, ++id_));
    }
    void open() {
        p.start();
        p.opened(1);
        p.text(1, acknowledged);
        trade(1, "BTC", "65000.10");
        p.done();
    }

    Play p{bybit_type, {"BTC", "ETH"}, {"wss://bybit/spot", "https://bybit"}};

private:
    int id_ = 0;
};

TEST_F(BybitSession, LifeCycle) {
    p.start();
    p.opened(1);
    p.text(1, acknowledged);
    trade(1, "BTC", "65000.10");
    trade(1, "ETH", "3100.5");
    p.wait(8s);
    p.text(1, pong);
    trade(1, "ETH", "3100.6");
    p.wait(7s);
    p.text(1, pong);
    p.closed(1, "the connection ended: end of stream");
    p.wait(2s);
    p.stop();
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bybit/spot
0.0 connecting
0.0 send 1 {"req_id":"1","op":"subscribe","args":["publicTrade.BTCUSDT","publicTrade.ETHUSDT"]}
0.0 quote BTC 65000.1
0.0 streaming
0.0 info: bybit streams trades of BTC, ETH
0.0 quote ETH 3100.5
7.5 send 1 {"op":"ping"}
8.0 quote ETH 3100.6
10.0 GET /v5/market/tickers?category=spot&symbol=BTCUSDT
15.0 send 1 {"op":"ping"}
15.0 warn: bybit's stream is down; prices come by REST until it is back | the connection ended: end of stream
15.0 connecting (the connection ended: end of stream)
15.7 open 2 wss://bybit/spot
17.0 close 2
17.0 idle (stopped)
)");
}

TEST_F(BybitSession, OneBadSymbolIsNamedOrFoundByHalves) {
    p = Play{bybit_type, {"BTC", "ETH", "OLD"}, {"wss://bybit/spot", "https://bybit"}};
    p.start();
    p.opened(1);
    p.text(
        1,
        R"({"success":false,"ret_msg":"error:handler not found,topic:publicTrade.OLDUSDT","req_id":"1","op":"subscribe"})");
    p.wait(100ms);
    p.text(1, R"({"success":true,"ret_msg":"subscribe","conn_id":"a","req_id":"2","op":"subscribe"})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bybit/spot
0.0 connecting
0.0 send 1 {"req_id":"1","op":"subscribe","args":["publicTrade.BTCUSDT","publicTrade.ETHUSDT","publicTrade.OLDUSDT"]}
0.0 warn: bybit refuses to stream OLD (OLDUSDT), so REST is polled for it; if it has another name there, set it in market.symbols | Bybit's error: error:handler not found,topic:publicTrade.OLDUSDT
0.0 GET /v5/market/tickers?category=spot&symbol=OLDUSDT
0.0 connecting (its stream refuses OLD (OLDUSDT))
0.1 send 1 {"req_id":"2","op":"subscribe","args":["publicTrade.BTCUSDT","publicTrade.ETHUSDT"]}
)");
    p.closed(1, "bye");
    p.wait(1s);
    p.done();
    p.opened(2);
    p.text(2, R"({"success":false,"ret_msg":"Invalid symbol","req_id":"1","op":"subscribe"})");
    p.wait(100ms);
    p.text(2, R"({"success":true,"ret_msg":"subscribe","conn_id":"a","req_id":"2","op":"subscribe"})");
    p.wait(100ms);
    EXPECT_EQ(
        p.done(),
        R"(1.1 send 2 {"req_id":"1","op":"subscribe","args":["publicTrade.BTCUSDT","publicTrade.ETHUSDT"]}
1.2 send 2 {"req_id":"2","op":"subscribe","args":["publicTrade.BTCUSDT"]}
1.3 send 2 {"req_id":"3","op":"subscribe","args":["publicTrade.ETHUSDT"]}
)");
}

TEST_F(BybitSession, Refusals) {
    p.start();
    p.refused(
        1, 403, {},
        "<html>The Amazon CloudFront distribution is configured to block access from your country.</html>");
    p.wait(2s);
    p.answer(
        403,
        "<html>The Amazon CloudFront distribution is configured to block access from your country.</html>");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bybit/spot
0.0 connecting
0.0 warn: bybit refuses its stream; next attempt in 61 min, REST is polled meanwhile | not available from here (status 403)
0.0 unavailable_here (not available from here (status 403))
2.0 GET /v5/market/tickers?category=spot
2.0 warn: bybit refuses REST requests; the next one is sent in 61 min | not available from here (status 403)
2.0 warn: bybit provides no prices, neither by stream nor by REST | not available from here (status 403)
)");
    p = Play{bybit_type, {"BTC"}, {"wss://bybit/spot", "https://bybit"}};
    p.start();
    p.refused(1, 403, {}, "access too frequent");
    p.wait(2s);
    p.answer(200, R"({"retCode":10006,"retMsg":"Too many visits!","result":{},"time":1})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bybit/spot
0.0 connecting
0.0 warn: bybit refuses its stream; next attempt in 11 min, REST is polled meanwhile | 403 Forbidden: the venue says that requests come too often
0.0 refused (403 Forbidden: the venue says that requests come too often)
2.0 GET /v5/market/tickers?category=spot&symbol=BTCUSDT
2.0 warn: bybit refuses REST requests; the next one is sent in 66 s | Bybit's error 10006: Too many visits!
2.0 warn: bybit provides no prices, neither by stream nor by REST | 403 Forbidden: the venue says that requests come too often; REST: Bybit's error 10006: Too many visits!
2.0 refused (403 Forbidden: the venue says that requests come too often; REST: Bybit's error 10006: Too many visits!)
)");
}

TEST_F(BybitSession, Faults) {
    open();
    p.text(1, "\x7f\x01{{{");
    p.text(1, R"({"topic":"publicTrade.BTCUSDT","type":"snapshot","data":[{"s":7,"p":[]}]})");
    p.text(1, R"({"success":false,"ret_msg":"unknown op","op":"what"})");
    trade(1, "BTC", "0");
    p.wait(61s);
    EXPECT_EQ(p.done(), R"(0.0 warn: bybit sent a message without a usable price | a frame that is not JSON
2.0 GET /v5/market/tickers?category=spot&symbol=ETHUSDT
7.5 send 1 {"op":"ping"}
15.0 close 1
15.0 warn: bybit's stream is down; prices come by REST until it is back | no data for 15s
15.0 silent (no data for 15s)
15.7 open 2 wss://bybit/spot
)");
    p.answer(200, R"([{"unexpected":{"price":[]}}])");
    EXPECT_EQ(
        p.done(),
        R"(61.0 warn: bybit provides no prices by REST either; retrying both with back-off | an answer that is not Bybit's: [{"unexpected":{"price":[]}}]
61.0 warn: bybit provides no prices, neither by stream nor by REST | no data for 15s; REST: an answer that is not Bybit's: [{"unexpected":{"price":[]}}]
61.0 silent (no data for 15s; REST: an answer that is not Bybit's: [{"unexpected":{"price":[]}}])
)");
}

}  // namespace
}  // namespace pricewire::feed::bybit_session_tests
