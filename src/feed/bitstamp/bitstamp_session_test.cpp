// Bitstamp's life cycle, refusals and faults, played line by line without sockets.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/bitstamp/bitstamp.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed::bitstamp_session_tests {
namespace {

using namespace std::chrono_literals;

class BitstampSession : public ::testing::Test {
protected:
    void trade(int stream, std::string_view pair, std::string_view price) {
        p.text(stream,
               fmt::format(R"({{"data":{{"id":{0},"microtimestamp":"{1}","price":{2},"price_str":"{2}"}},)"
                           R"("channel":"live_trades_{3}","event":"trade"}})",
                           ++id_, to_micros(p.now().wall), price, pair));
    }
    void acknowledge(int stream, std::string_view pair) {
        p.text(
            stream,
            fmt::format(R"({{"event":"bts:subscription_succeeded","channel":"live_trades_{}","data":{{}}}})",
                        pair));
    }
    void heartbeat(int stream) {
        p.text(stream, R"({"event":"bts:heartbeat","channel":"","data":{"status":"success"}})");
    }
    void open() {
        p.start();
        p.opened(1);
        acknowledge(1, "btcusd");
        p.wait(100ms);
        acknowledge(1, "ethusd");
        trade(1, "btcusd", "65000.10");
        trade(1, "ethusd", "3100.5");
        p.done();
    }

    Play p{bitstamp_type, {"BTC", "ETH"}, {"wss://bitstamp", "https://bitstamp"}};

private:
    int id_ = 0;
};

TEST_F(BitstampSession, LifeCycle) {
    p.start();
    p.opened(1);
    acknowledge(1, "btcusd");
    p.wait(100ms);
    acknowledge(1, "ethusd");
    trade(1, "btcusd", "65000.10");
    p.wait(14900ms);
    heartbeat(1);
    trade(1, "ethusd", "3100.5");
    p.wait(16s);
    heartbeat(1);
    p.closed(1, "the connection ended: end of stream");
    p.wait(2s);
    p.stop();
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bitstamp
0.0 connecting
0.0 send 1 {"event":"bts:subscribe","data":{"channel":"live_trades_btcusd"}}
0.1 send 1 {"event":"bts:subscribe","data":{"channel":"live_trades_ethusd"}}
0.1 quote BTC 65000.1
0.1 streaming
0.1 info: bitstamp streams trades of BTC, ETH
2.0 GET /ticker/
15.0 quote ETH 3100.5
30.0 send 1 {"event":"bts:heartbeat"}
31.0 warn: bitstamp's stream is down; prices come by REST until it is back | the connection ended: end of stream
31.0 connecting (the connection ended: end of stream)
31.9 open 2 wss://bitstamp
33.0 close 2
33.0 idle (stopped)
)");
}

TEST_F(BitstampSession, TheVenueWantsAnotherConnection) {
    open();
    p.text(1, R"({"event":"bts:request_reconnect","channel":"","data":""})");
    p.opened(2);
    acknowledge(2, "btcusd");
    trade(1, "btcusd", "65000.20");
    p.wait(100ms);
    acknowledge(2, "ethusd");
    trade(2, "btcusd", "65000.30");
    EXPECT_EQ(p.done(), R"(0.1 debug: bitstamp's stream is renewed before the venue ends it
0.1 open 2 wss://bitstamp
0.1 send 2 {"event":"bts:subscribe","data":{"channel":"live_trades_btcusd"}}
0.1 quote BTC 65000.2
0.2 send 2 {"event":"bts:subscribe","data":{"channel":"live_trades_ethusd"}}
0.2 close 1
0.2 quote BTC 65000.3
)");
}

TEST_F(BitstampSession, OneBadSymbolLeavesTheOthersSubscribed) {
    p.start();
    p.opened(1);
    p.text(1,
           R"({"event":"bts:error","channel":"","data":{"code":null,"message":"Bad subscription string."}})");
    p.wait(100ms);
    acknowledge(1, "ethusd");
    trade(1, "ethusd", "3100.5");
    p.answer(200,
             R"([{"timestamp":"1700000000","last":"1","bid":"1","ask":"1","volume":"7","pair":"BTC/USD"}])");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bitstamp
0.0 connecting
0.0 send 1 {"event":"bts:subscribe","data":{"channel":"live_trades_btcusd"}}
0.1 send 1 {"event":"bts:subscribe","data":{"channel":"live_trades_ethusd"}}
0.1 warn: bitstamp refuses to stream BTC (btcusd), so REST is polled for it; if it has another name there, set it in market.symbols | Bitstamp's error null: Bad subscription string.
0.1 GET /ticker/
0.1 connecting (its stream refuses BTC (btcusd))
0.1 quote ETH 3100.5
0.1 streaming (its stream refuses BTC (btcusd))
0.1 info: bitstamp streams trades of ETH
0.1 quote BTC 1
)");
}

TEST_F(BitstampSession, Refusals) {
    p.start();
    p.refused(1, 403, {}, "<html>not available in your country</html>");
    p.wait(2s);
    p.answer(200, R"({"status":"error","reason":"Too many requests.","code":"400.002"})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bitstamp
0.0 connecting
0.0 warn: bitstamp refuses its stream; next attempt in 61 min, REST is polled meanwhile | not available from here (status 403)
0.0 unavailable_here (not available from here (status 403))
2.0 GET /ticker/
2.0 warn: bitstamp refuses REST requests; the next one is sent in 66 s | Bitstamp's error 400.002: Too many requests.
2.0 warn: bitstamp provides no prices, neither by stream nor by REST | not available from here (status 403); REST: Bitstamp's error 400.002: Too many requests.
2.0 unavailable_here (not available from here (status 403); REST: Bitstamp's error 400.002: Too many requests.)
)");
}

TEST_F(BitstampSession, Faults) {
    open();
    p.text(1, "\x7f\x01{{{");
    p.text(1, R"({"data":{"id":7,"price":[]},"channel":"live_trades_btcusd","event":"trade"})");
    p.text(1, R"({"event":"bts:error","channel":"","data":{"code":null,"message":"Internal error."}})");
    p.text(1, "<!DOCTYPE html><html></html>");
    trade(1, "btcusd", "0");
    p.wait(40s);
    p.answer(200, R"([{"unexpected":{"price":[]}}])");
    EXPECT_EQ(p.done(), R"(0.1 warn: bitstamp sent a message without a usable price | a frame that is not JSON
0.1 warn: bitstamp refused a message | Bitstamp's error null: Internal error.
10.1 GET /ticker/
15.1 send 1 {"event":"bts:heartbeat"}
30.1 close 1
30.1 warn: bitstamp's stream is down; prices come by REST until it is back | no data for 30s
30.1 silent (no data for 30s)
31.0 open 2 wss://bitstamp
40.1 warn: bitstamp provides no prices by REST either; retrying both with back-off | an answer of an unknown shape: [{"unexpected":{"price":[]}}]
40.1 warn: bitstamp provides no prices, neither by stream nor by REST | no data for 30s; REST: an answer of an unknown shape: [{"unexpected":{"price":[]}}]
40.1 silent (no data for 30s; REST: an answer of an unknown shape: [{"unexpected":{"price":[]}}])
)");
}

}  // namespace
}  // namespace pricewire::feed::bitstamp_session_tests
