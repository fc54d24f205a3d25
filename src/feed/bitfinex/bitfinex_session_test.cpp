// Bitfinex's life cycle, refusals and faults, played line by line without sockets.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/bitfinex/bitfinex.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed::bitfinex_session_tests {
namespace {

using namespace std::chrono_literals;

class BitfinexSession : public ::testing::Test {
protected:
    void trade(int stream, int channel, std::string_view price) {
        for (const char* kind : {"te", "tu"}) {
            p.text(stream, fmt::format(R"([{},"{}",[{},{},-0.01,{}],{}])", channel, kind, id_ + 1,
                                       to_micros(p.now().wall) / 1000, price, ++sequence_));
        }
        ++id_;
    }
    void info(int stream) {
        p.text(stream, R"({"event":"info","version":2,"serverId":"a","platform":{"status":1}})");
    }
    void acknowledge(int stream, int channel, std::string_view symbol) {
        p.text(stream, fmt::format(R"({{"event":"subscribed","channel":"trades","chanId":{},"symbol":"{}"}})",
                                   channel, symbol));
    }
    void open() {
        p.start();
        p.opened(1);
        info(1);
        acknowledge(1, 1, "tBTCUSD");
        p.wait(100ms);
        acknowledge(1, 2, "tETHUSD");
        trade(1, 1, "65000.10");
        trade(1, 2, "3100.5");
        p.done();
    }

    Play p{bitfinex_type, {"BTC", "ETH"}, {"wss://bitfinex", "https://bitfinex"}};

private:
    int id_ = 0;
    int sequence_ = 0;
};

TEST_F(BitfinexSession, LifeCycle) {
    p.start();
    p.opened(1);
    info(1);
    p.text(1, R"({"event":"conf","status":"OK","flags":65536})");
    acknowledge(1, 1, "tBTCUSD");
    p.text(1, fmt::format("[1,[[7,{},1,64999.5]],0]", to_micros(p.now().wall) / 1000 - 500));
    p.wait(100ms);
    acknowledge(1, 2, "tETHUSD");
    trade(1, 1, "65000.10");
    trade(1, 2, "3100.5");
    p.wait(15s);
    p.text(1, R"([1,"hb",5])");
    p.text(1, R"([2,"hb",7])");
    p.text(1, R"({"event":"info","code":20051,"msg":"Stopping"})");
    p.opened(2);
    info(2);
    acknowledge(2, 5, "tBTCUSD");
    p.wait(100ms);
    acknowledge(2, 6, "tETHUSD");
    trade(2, 5, "65000.20");
    p.stop();
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bitfinex
0.0 connecting
0.0 send 1 {"event":"conf","flags":65536}
0.0 send 1 {"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}
0.0 old quote BTC 64999.5
0.1 send 1 {"event":"subscribe","channel":"trades","symbol":"tETHUSD"}
0.1 quote BTC 65000.1
0.1 streaming
0.1 info: bitfinex streams trades of BTC, ETH
0.1 quote ETH 3100.5
10.1 GET /tickers?symbols=tBTCUSD%2CtETHUSD
15.1 info: frames were lost on the way from bitfinex
15.1 debug: bitfinex's stream is renewed before the venue ends it
15.1 open 2 wss://bitfinex
15.1 send 2 {"event":"conf","flags":65536}
15.1 send 2 {"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}
15.2 send 2 {"event":"subscribe","channel":"trades","symbol":"tETHUSD"}
15.2 close 1
15.2 quote BTC 65000.2
15.2 close 2
15.2 idle (stopped)
)");
}

TEST_F(BitfinexSession, Maintenance) {
    open();
    p.text(1, R"({"event":"info","code":20060,"msg":"Entering maintenance"})");
    p.wait(2s);
    p.answer(200, R"(["error",20060,"maintenance"])");
    p.wait(5min);
    p.opened(2);
    p.text(2, R"({"event":"info","version":2,"platform":{"status":0}})");
    p.wait(5min);
    p.opened(3);
    info(3);
    acknowledge(3, 1, "tBTCUSD");
    trade(3, 1, "65000.20");
    EXPECT_EQ(p.done(), R"(0.1 close 1
0.1 warn: bitfinex is closed for maintenance; it is looked at again in 5 min, REST is polled meanwhile | in maintenance: its notice 20060
0.1 maintenance (in maintenance: its notice 20060)
2.1 GET /tickers?symbols=tBTCUSD%2CtETHUSD
2.1 warn: bitfinex provides no prices by REST either; retrying both with back-off | Bitfinex's error 20060: maintenance
2.1 warn: bitfinex provides no prices, neither by stream nor by REST | in maintenance: its notice 20060; REST: Bitfinex's error 20060: maintenance
2.1 maintenance (in maintenance: its notice 20060; REST: Bitfinex's error 20060: maintenance)
8.0 GET /tickers?symbols=tBTCUSD%2CtETHUSD
255.8 open 2 wss://bitfinex
302.1 send 2 {"event":"conf","flags":65536}
302.1 send 2 {"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}
302.1 close 2
302.1 maintenance (in maintenance: its platform is closed; REST: Bitfinex's error 20060: maintenance)
443.2 open 3 wss://bitfinex
602.1 send 3 {"event":"conf","flags":65536}
602.1 send 3 {"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}
602.1 quote BTC 65000.2
602.1 streaming
)");
}

TEST_F(BitfinexSession, AfterMaintenanceAllIsSubscribedAgain) {
    open();
    p.text(1, R"({"event":"info","code":20061,"msg":"Maintenance ended"})");
    p.text(1, R"({"event":"unsubscribed","status":"OK","chanId":1})");
    p.text(1, R"({"event":"unsubscribed","status":"OK","chanId":2})");
    p.wait(100ms);
    acknowledge(1, 3, "tBTCUSD");
    p.wait(100ms);
    acknowledge(1, 4, "tETHUSD");
    trade(1, 3, "65000.20");
    EXPECT_EQ(p.done(), R"(0.1 send 1 {"event":"unsubscribe","chanId":1}
0.1 send 1 {"event":"unsubscribe","chanId":2}
0.2 send 1 {"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}
0.3 send 1 {"event":"subscribe","channel":"trades","symbol":"tETHUSD"}
0.3 quote BTC 65000.2
)");
}

TEST_F(BitfinexSession, Refusals) {
    p.start();
    p.refused(1, 429, {}, "");
    p.wait(2s);
    p.answer(500, R"(["error",11010,"ratelimit: error"])");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bitfinex
0.0 connecting
0.0 warn: bitfinex refuses its stream; next attempt in 65 s, REST is polled meanwhile | 429 Too Many Requests
0.0 refused (429 Too Many Requests)
2.0 GET /tickers?symbols=tBTCUSD%2CtETHUSD
2.0 warn: bitfinex refuses REST requests; the next one is sent in 66 s | Bitfinex's error 11010: ratelimit: error
2.0 warn: bitfinex provides no prices, neither by stream nor by REST | 429 Too Many Requests; REST: Bitfinex's error 11010: ratelimit: error
2.0 refused (429 Too Many Requests; REST: Bitfinex's error 11010: ratelimit: error)
)");
    p = Play{bitfinex_type, {"BTC", "ETH"}, {"wss://bitfinex", "https://bitfinex"}};
    p.start();
    p.opened(1);
    p.text(1, R"({"event":"error","msg":"ratelimit: error","code":11010})");
    p.wait(2s);
    p.answer(200, R"(["error",11010,"ratelimit: error"])");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bitfinex
0.0 connecting
0.0 send 1 {"event":"conf","flags":65536}
0.0 send 1 {"event":"subscribe","channel":"trades","symbol":"tBTCUSD"}
0.0 warn: bitfinex limits the rate of messages; subscribing continues in 5m | Bitfinex's error 11010: ratelimit: error
2.0 GET /tickers?symbols=tBTCUSD%2CtETHUSD
2.0 warn: bitfinex refuses REST requests; the next one is sent in 65 s | Bitfinex's error 11010: ratelimit: error
2.0 warn: bitfinex provides no prices, neither by stream nor by REST | Bitfinex's error 11010: ratelimit: error
2.0 refused (Bitfinex's error 11010: ratelimit: error)
)");
}

TEST_F(BitfinexSession, Faults) {
    open();
    p.text(1, "\x7f\x01{{{");
    p.text(1, R"([1,"te",{"price":[]}])");
    p.text(1, R"({"event":"error","msg":"unknown error","code":10000})");
    p.text(1, "<!DOCTYPE html><html></html>");
    trade(1, 1, "0");
    trade(1, 9, "65000");
    p.wait(45s);
    p.answer(200, R"([{"unexpected":{"price":[]}}])");
    EXPECT_EQ(p.done(), R"(0.1 warn: bitfinex sent a message without a usable price | a frame that is not JSON
10.1 GET /tickers?symbols=tBTCUSD%2CtETHUSD
20.1 ping 1
40.1 close 1
40.1 warn: bitfinex's stream is down; prices come by REST until it is back | no data for 40s
40.1 silent (no data for 40s)
40.8 open 2 wss://bitfinex
45.1 warn: bitfinex provides no prices by REST either; retrying both with back-off | an answer of an unknown shape: [{"unexpected":{"price":[]}}]
45.1 warn: bitfinex provides no prices, neither by stream nor by REST | no data for 40s; REST: an answer of an unknown shape: [{"unexpected":{"price":[]}}]
45.1 silent (no data for 40s; REST: an answer of an unknown shape: [{"unexpected":{"price":[]}}])
)");
}

}  // namespace
}  // namespace pricewire::feed::bitfinex_session_tests
