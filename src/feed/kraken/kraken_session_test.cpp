// Kraken's life cycle, refusals and faults, played line by line without sockets.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/kraken/kraken.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed::kraken_session_tests {
namespace {

using namespace std::chrono_literals;

class KrakenSession : public ::testing::Test {
protected:
    void trade(int stream, std::string_view ticker, std::string_view price) {
        p.text(
            stream,
            fmt::format(R"({{"channel":"trade","type":"update","data":[{{"symbol":"{0}/USD","side":"sell",)"
                        R"("price":{1},"qty":0.1,"trade_id":{2},"timestamp":"{3}"}}]}})",
                        ticker, price, ++id_, format_rfc3339(p.now().wall)));
    }
    void acknowledge(int stream, std::string_view symbol) {
        p.text(stream,
               fmt::format(
                   R"({{"method":"subscribe","result":{{"channel":"trade","snapshot":false,"symbol":"{}"}},)"
                   R"("success":true,"req_id":1}})",
                   symbol));
    }
    void status(int stream, std::string_view system) {
        p.text(stream,
               fmt::format(R"({{"channel":"status","type":"update","data":[{{"system":"{}"}}]}})", system));
    }
    void open() {
        p.start();
        p.opened(1);
        status(1, "online");
        acknowledge(1, "BTC/USD");
        acknowledge(1, "ETH/USD");
        trade(1, "BTC", "65000.10");
        trade(1, "ETH", "3100.5");
        p.done();
    }

    Play p{kraken_type, {"BTC", "ETH"}, {"wss://kraken", "https://kraken"}};

private:
    int id_ = 0;
};

TEST_F(KrakenSession, LifeCycle) {
    p.start();
    p.wait(200ms);
    p.opened(1);
    status(1, "online");
    acknowledge(1, "BTC/USD");
    acknowledge(1, "ETH/USD");
    trade(1, "BTC", "65000.10");
    trade(1, "ETH", "3100.5");
    for (int i = 0; i < 12; ++i) {
        p.wait(1s);
        p.text(1, R"({"channel":"heartbeat"})");
    }
    p.answer(200, R"({"error":[],"result":{"XXBTZUSD":{"a":["2","1","1"],"c":["65000.20","1"]}}})");
    p.closed(1, "the connection ended: end of stream");
    p.wait(2s);
    p.stop();
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://kraken
0.0 connecting
0.2 send 1 {"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"],"snapshot":false},"req_id":1}
0.2 quote BTC 65000.1
0.2 streaming
0.2 info: kraken streams trades of BTC, ETH
0.2 quote ETH 3100.5
10.2 GET /Ticker?pair=XBTUSD%2CETHUSD
12.2 warn: kraken has no price of ETH (ETH/USD): trading in it is halted, or it has another name there, to be set in market.symbols
12.2 quote BTC 65000.2
12.2 warn: kraken's stream is down; prices come by REST until it is back | the connection ended: end of stream
12.2 connecting (the connection ended: end of stream)
12.9 open 2 wss://kraken
14.2 close 2
14.2 idle (stopped)
)");
}

TEST_F(KrakenSession, OneBadSymbolLeavesTheOthersSubscribed) {
    p.start();
    p.opened(1);
    acknowledge(1, "BTC/USD");
    p.text(
        1,
        R"({"error":"Currency pair not supported ETH/USD","method":"subscribe","success":false,"req_id":1})");
    trade(1, "BTC", "65000.10");
    p.answer(200, R"({"error":["EQuery:Unknown asset pair"]})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://kraken
0.0 connecting
0.0 send 1 {"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"],"snapshot":false},"req_id":1}
0.0 warn: kraken refuses to stream ETH (ETH/USD), so REST is polled for it; if it has another name there, set it in market.symbols | Kraken's error: Currency pair not supported ETH/USD
0.0 GET /Ticker?pair=ETHUSD
0.0 connecting (its stream refuses ETH (ETH/USD))
0.0 quote BTC 65000.1
0.0 streaming (its stream refuses ETH (ETH/USD))
0.0 info: kraken streams trades of BTC
0.0 warn: kraken does not know 'ETH/USD', so it has no price of ETH; if it has another name there, set it in market.symbols | Kraken's error: EQuery:Unknown asset pair
0.0 streaming (it does not know ETH (ETH/USD))
)");
}

TEST_F(KrakenSession, MaintenanceAndItsEnd) {
    open();
    status(1, "maintenance");
    p.wait(2s);
    p.answer(200, R"({"error":["EService:Unavailable"]})");
    p.wait(5min);
    p.opened(2);
    status(2, "post_only");
    p.wait(5min);
    p.opened(3);
    status(3, "online");
    acknowledge(3, "BTC/USD");
    acknowledge(3, "ETH/USD");
    trade(3, "BTC", "65000.20");
    EXPECT_EQ(p.done(), R"(0.0 close 1
0.0 warn: kraken is closed for maintenance; it is looked at again in 5 min, REST is polled meanwhile | in maintenance: its status is maintenance
0.0 maintenance (in maintenance: its status is maintenance)
2.0 GET /Ticker?pair=XBTUSD%2CETHUSD
2.0 warn: kraken provides no prices by REST either; retrying both with back-off | Kraken's error: EService:Unavailable
2.0 warn: kraken provides no prices, neither by stream nor by REST | in maintenance: its status is maintenance; REST: Kraken's error: EService:Unavailable
2.0 maintenance (in maintenance: its status is maintenance; REST: Kraken's error: EService:Unavailable)
7.9 GET /Ticker?pair=XBTUSD%2CETHUSD
255.7 open 2 wss://kraken
302.0 send 2 {"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"],"snapshot":false},"req_id":1}
302.0 close 2
302.0 maintenance (in maintenance: its status is post_only; REST: Kraken's error: EService:Unavailable)
443.1 open 3 wss://kraken
602.0 send 3 {"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","ETH/USD"],"snapshot":false},"req_id":1}
602.0 quote BTC 65000.2
602.0 streaming
)");
}

TEST_F(KrakenSession, Refusals) {
    p.start();
    p.refused(1, 429, "5");
    p.wait(2s);
    p.answer(200, R"({"error":["EAPI:Rate limit exceeded"]})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://kraken
0.0 connecting
0.0 warn: kraken refuses its stream; next attempt in 6 s, REST is polled meanwhile | 429 Too Many Requests
0.0 refused (429 Too Many Requests)
2.0 GET /Ticker?pair=XBTUSD%2CETHUSD
2.0 warn: kraken refuses REST requests; the next one is sent in 66 s | Kraken's error: EAPI:Rate limit exceeded
2.0 warn: kraken provides no prices, neither by stream nor by REST | 429 Too Many Requests; REST: Kraken's error: EAPI:Rate limit exceeded
2.0 refused (429 Too Many Requests; REST: Kraken's error: EAPI:Rate limit exceeded)
)");
    p = Play{kraken_type, {"BTC"}, {"wss://kraken", "https://kraken"}};
    p.start();
    p.refused(1, 451, {}, "");
    p.wait(2s);
    p.answer(403, "<html>error code: 1020</html>");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://kraken
0.0 connecting
0.0 warn: kraken refuses its stream; next attempt in 61 min, REST is polled meanwhile | not available from here (status 451)
0.0 unavailable_here (not available from here (status 451))
2.0 GET /Ticker?pair=XBTUSD
2.0 warn: kraken refuses REST requests; the next one is sent in 6 min | 403 Forbidden: a firewall of the venue refuses this address
2.0 warn: kraken provides no prices, neither by stream nor by REST | not available from here (status 451); REST: 403 Forbidden: a firewall of the venue refuses this address
2.0 unavailable_here (not available from here (status 451); REST: 403 Forbidden: a firewall of the venue refuses this address)
)");
    p = Play{kraken_type, {"BTC"}, {"wss://kraken", "https://kraken"}};
    p.start();
    p.opened(1);
    p.text(
        1,
        R"({"error":"Exceeded msg rate","method":"subscribe","success":false,"symbol":"BTC/USD","req_id":1})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://kraken
0.0 connecting
0.0 send 1 {"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"],"snapshot":false},"req_id":1}
0.0 warn: kraken limits the rate of messages; subscribing continues in 5m | Kraken's error: Exceeded msg rate
)");
}

TEST_F(KrakenSession, Faults) {
    open();
    p.text(1, "\x7f\x01{{{");
    p.text(1, R"({"channel":"trade","type":"update","data":[{"symbol":7,"price":[]}]})");
    p.text(1, R"({"error":"Internal error","method":"subscribe","success":false})");
    p.text(1, "<!DOCTYPE html><html></html>");
    trade(1, "BTC", "0");
    p.wait(20s);
    p.answer(200, R"([{"unexpected":{"price":[]}}])");
    EXPECT_EQ(p.done(), R"(0.0 warn: kraken sent a message without a usable price | a frame that is not JSON
7.5 ping 1
10.0 GET /Ticker?pair=XBTUSD%2CETHUSD
15.0 close 1
15.0 warn: kraken's stream is down; prices come by REST until it is back | no data for 15s
15.0 silent (no data for 15s)
15.7 open 2 wss://kraken
20.0 warn: kraken provides no prices by REST either; retrying both with back-off | an answer that is not Kraken's: [{"unexpected":{"price":[]}}]
20.0 warn: kraken provides no prices, neither by stream nor by REST | no data for 15s; REST: an answer that is not Kraken's: [{"unexpected":{"price":[]}}]
20.0 silent (no data for 15s; REST: an answer that is not Kraken's: [{"unexpected":{"price":[]}}])
)");
}

}  // namespace
}  // namespace pricewire::feed::kraken_session_tests
