// Coinbase's life cycle, refusals and faults, played line by line without sockets.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/coinbase/coinbase.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed::coinbase_session_tests {
namespace {

using namespace std::chrono_literals;

class CoinbaseSession : public ::testing::Test {
protected:
    void trade(int stream, std::string_view ticker, std::string_view price) {
        p.text(
            stream,
            fmt::format(
                R"({{"channel":"market_trades","sequence_num":{0},"events":[{{"type":"update","trades":[)"
                R"({{"product_id":"{1}-USD","trade_id":"{0}","price":"{2}","size":"1","time":"{3}","side":"BUY"}}]}}]}})",
                ++id_, ticker, price, format_rfc3339(p.now().wall)));
    }
    void acknowledge(int stream, std::string_view products) {
        p.text(stream,
               fmt::format(R"({{"channel":"subscriptions","sequence_num":{},"events":[{{"subscriptions":)"
                           R"({{"market_trades":[{}],"heartbeats":["heartbeats"]}}}}]}})",
                           ++id_, products));
    }
    void heartbeat(int stream) {
        p.text(stream, fmt::format(R"({{"channel":"heartbeats","sequence_num":{},"events":[]}})", ++id_));
    }
    void open() {
        p.start();
        p.opened(1);
        acknowledge(1, R"("BTC-USD","ETH-USD")");
        trade(1, "BTC", "65000.10");
        trade(1, "ETH", "3100.5");
        p.done();
    }

    Play p{coinbase_type, {"BTC", "ETH"}, {"wss://coinbase", "https://coinbase"}};

private:
    int id_ = 0;
};

TEST_F(CoinbaseSession, LifeCycle) {
    p.start();
    p.wait(200ms);
    p.opened(1);
    acknowledge(1, R"("BTC-USD","ETH-USD")");
    trade(1, "BTC", "65000.10");
    trade(1, "ETH", "3100.5");
    for (int i = 0; i < 12; ++i) {
        p.wait(1s);
        heartbeat(1);
    }
    p.answer(200, R"({"products":[{"product_id":"BTC-USD","price":"65000.20","status":"online"}]})");
    p.closed(1, "the connection ended: end of stream");
    p.wait(2s);
    p.opened(2);
    acknowledge(2, R"("BTC-USD","ETH-USD")");
    trade(2, "ETH", "3100.6");
    p.stop();
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://coinbase
0.0 connecting
0.2 send 1 {"type":"subscribe","channel":"heartbeats"}
0.2 send 1 {"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"market_trades"}
0.2 quote BTC 65000.1
0.2 streaming
0.2 info: coinbase streams trades of BTC, ETH
0.2 quote ETH 3100.5
10.2 GET /products?product_ids=BTC-USD&product_ids=ETH-USD
12.2 warn: coinbase has no price of ETH (ETH-USD): trading in it is halted, or it has another name there, to be set in market.symbols
12.2 quote BTC 65000.2
12.2 warn: coinbase's stream is down; prices come by REST until it is back | the connection ended: end of stream
12.2 connecting (the connection ended: end of stream)
12.9 open 2 wss://coinbase
14.2 send 2 {"type":"subscribe","channel":"heartbeats"}
14.2 send 2 {"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"market_trades"}
14.2 quote ETH 3100.6
14.2 streaming
14.2 close 2
14.2 idle (stopped)
)");
}

TEST_F(CoinbaseSession, ASymbolMissingInTheAcknowledgementIsAskedForAgain) {
    p.start();
    p.opened(1);
    acknowledge(1, R"("BTC-USD")");
    trade(1, "BTC", "65000.10");
    for (int i = 0; i < 11; ++i) {
        p.wait(1s);
        heartbeat(1);
        trade(1, "BTC", "65000.10");
    }
    p.answer(200, R"({"products":[]})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://coinbase
0.0 connecting
0.0 send 1 {"type":"subscribe","channel":"heartbeats"}
0.0 send 1 {"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"market_trades"}
0.0 quote BTC 65000.1
0.0 streaming
0.0 info: coinbase streams trades of BTC, ETH
1.0 quote BTC 65000.1
1.0 info: 1 trades of BTC were lost on the way from coinbase
2.0 GET /products?product_ids=ETH-USD
2.0 quote BTC 65000.1
3.0 quote BTC 65000.1
4.0 quote BTC 65000.1
5.0 quote BTC 65000.1
6.0 quote BTC 65000.1
7.0 quote BTC 65000.1
8.0 quote BTC 65000.1
9.0 quote BTC 65000.1
10.0 warn: coinbase has not acknowledged the subscription of ETH; it is sent again every 5m, and REST is polled meanwhile
10.0 quote BTC 65000.1
11.0 quote BTC 65000.1
11.0 warn: coinbase has no price of ETH (ETH-USD): trading in it is halted, or it has another name there, to be set in market.symbols
)");
    for (int i = 0; i < 300; ++i) {
        p.wait(1s);
        trade(1, "BTC", "65000.10");
    }
    EXPECT_EQ(p.count(R"(send 1 {"type":"subscribe","product_ids":["ETH-USD"],"channel":"market_trades"})"),
              1);
}

TEST_F(CoinbaseSession, AnErrorNamesItsSymbolOrIsFoundByHalves) {
    p.start();
    p.opened(1);
    p.text(1, R"({"type":"error","message":"ETH-USD is not a valid product"})");
    p.wait(250ms);
    acknowledge(1, R"("BTC-USD")");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://coinbase
0.0 connecting
0.0 send 1 {"type":"subscribe","channel":"heartbeats"}
0.0 send 1 {"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"market_trades"}
0.0 warn: coinbase refuses to stream ETH (ETH-USD), so REST is polled for it; if it has another name there, set it in market.symbols | Coinbase's error: ETH-USD is not a valid product
0.0 GET /products?product_ids=ETH-USD
0.0 connecting (its stream refuses ETH (ETH-USD))
0.2 send 1 {"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}
)");
    p = Play{coinbase_type, {"BTC", "ETH"}, {"wss://coinbase", "https://coinbase"}};
    p.start();
    p.opened(1);
    p.text(1, R"({"type":"error","message":"failure to subscribe"})");
    p.wait(250ms);
    acknowledge(1, R"("BTC-USD")");
    p.wait(250ms);
    p.text(1, R"({"type":"error","message":"failure to subscribe"})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://coinbase
0.0 connecting
0.0 send 1 {"type":"subscribe","channel":"heartbeats"}
0.0 send 1 {"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channel":"market_trades"}
0.2 send 1 {"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}
0.5 send 1 {"type":"subscribe","product_ids":["ETH-USD"],"channel":"market_trades"}
0.5 warn: coinbase refuses to stream ETH (ETH-USD), so REST is polled for it; if it has another name there, set it in market.symbols | Coinbase's error: failure to subscribe
0.5 GET /products?product_ids=ETH-USD
0.5 connecting (its stream refuses ETH (ETH-USD))
)");
}

TEST_F(CoinbaseSession, Refusals) {
    p.start();
    p.refused(1, 403, {}, "error code: 1009");
    p.wait(2s);
    p.answer(429, R"({"error":"rate_limit_exceeded","message":"too many requests"})", "30");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://coinbase
0.0 connecting
0.0 warn: coinbase refuses its stream; next attempt in 61 min, REST is polled meanwhile | not available from here (Cloudflare's error 1009)
0.0 unavailable_here (not available from here (Cloudflare's error 1009))
2.0 GET /products?product_ids=BTC-USD&product_ids=ETH-USD
2.0 warn: coinbase refuses REST requests; the next one is sent in 33 s | 429 Too Many Requests
2.0 warn: coinbase provides no prices, neither by stream nor by REST | not available from here (Cloudflare's error 1009); REST: 429 Too Many Requests
2.0 unavailable_here (not available from here (Cloudflare's error 1009); REST: 429 Too Many Requests)
)");
    p = Play{coinbase_type, {"BTC"}, {"wss://coinbase", "https://coinbase"}};
    p.start();
    p.opened(1);
    p.text(1, R"({"type":"error","message":"rate limit exceeded"})");
    p.wait(2s);
    p.answer(400, R"({"error":"INVALID_ARGUMENT","message":"valid product_id is required"})");
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://coinbase
0.0 connecting
0.0 send 1 {"type":"subscribe","channel":"heartbeats"}
0.0 send 1 {"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}
0.0 warn: coinbase limits the rate of messages; subscribing continues in 5m | Coinbase's error: rate limit exceeded
2.0 GET /products?product_ids=BTC-USD
2.0 warn: coinbase does not know 'BTC-USD', so it has no price of BTC; if it has another name there, set it in market.symbols | Coinbase's error INVALID_ARGUMENT: valid product_id is required
2.0 connecting (it does not know BTC (BTC-USD))
)");
}

TEST_F(CoinbaseSession, Faults) {
    open();
    p.text(1, "\x7f\x01{{{");
    p.text(
        1,
        R"({"channel":"market_trades","sequence_num":9,"events":[{"type":"update","trades":[{"product_id":7}]}]})");
    p.text(1, "<!DOCTYPE html><html></html>");
    trade(1, "BTC", "0");
    p.text(1, R"({"type":"error","message":"internal error"})");
    p.wait(20s);
    p.answer(200, R"([{"unexpected":{"price":[]}}])");
    EXPECT_EQ(p.done(), R"(0.0 warn: coinbase sent a message without a usable price | a frame that is not JSON
0.0 info: frames were lost on the way from coinbase
0.0 warn: coinbase refused a message | Coinbase's error: internal error
7.5 ping 1
10.0 GET /products?product_ids=BTC-USD&product_ids=ETH-USD
15.0 close 1
15.0 warn: coinbase's stream is down; prices come by REST until it is back | no data for 15s
15.0 silent (no data for 15s)
15.7 open 2 wss://coinbase
20.0 warn: coinbase provides no prices by REST either; retrying both with back-off | an answer that is not Coinbase's: [{"unexpected":{"price":[]}}]
20.0 warn: coinbase provides no prices, neither by stream nor by REST | no data for 15s; REST: an answer that is not Coinbase's: [{"unexpected":{"price":[]}}]
20.0 silent (no data for 15s; REST: an answer that is not Coinbase's: [{"unexpected":{"price":[]}}])
)");
}

}  // namespace
}  // namespace pricewire::feed::coinbase_session_tests
