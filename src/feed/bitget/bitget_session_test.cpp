// Bitget's life cycle, refusals and faults, played line by line without sockets.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/bitget/bitget.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed::bitget_session_tests {
namespace {

using namespace std::chrono_literals;

std::string arg(std::string_view ticker) {
    return fmt::format(R"({{"instType":"SPOT","channel":"trade","instId":"{}USDT"}})", ticker);
}
std::string acknowledged(std::string_view ticker) {
    return fmt::format(R"({{"event":"subscribe","arg":{}}})", arg(ticker));
}

class BitgetSession : public ::testing::Test {
protected:
    std::string push(std::string_view action, std::string_view ticker, std::string_view price, int id,
                     Duration ago = {}) {
        return fmt::format(
            R"({{"action":"{}","arg":{},"data":[{{"ts":"{}","price":"{}","size":"1","side":"buy","tradeId":"{}"}}],"ts":1}})",
            action, arg(ticker), to_micros(p.now().wall - ago) / 1000, price, id);
    }
    void open() {
        p.start();
        p.opened(1);
        p.text(1, acknowledged("BTC"));
        p.text(1, acknowledged("ETH"));
        p.text(1, push("update", "BTC", "65000.10", 1));
        p.done();
    }

    Play p{bitget_type, {"BTC", "ETH"}, {"wss://bitget/v2/ws/public", "https://bitget"}};
};

TEST_F(BitgetSession, LifeCycle) {
    p.start();
    p.opened(1);
    p.text(1, acknowledged("BTC"));
    p.text(1, push("snapshot", "BTC", "64000", 1, 3s));
    p.text(1, acknowledged("ETH"));
    p.text(1, push("update", "BTC", "65000.10", 2));
    p.text(1, push("update", "BTC", "64000", 1, 3s));
    p.wait(8s);
    p.text(1, "pong");
    p.text(1, push("update", "ETH", "3100", 1));
    p.wait(8s);
    p.text(1, "pong");
    p.closed(1, "the connection ended: end of stream");
    p.wait(2s);
    p.stop();
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bitget/v2/ws/public
0.0 connecting
0.0 send 1 {"op":"subscribe","args":[{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},{"instType":"SPOT","channel":"trade","instId":"ETHUSDT"}]}
0.0 old quote BTC 64000
0.0 quote BTC 65000.1
0.0 streaming
0.0 info: bitget streams trades of BTC, ETH
2.0 GET /api/v2/spot/market/tickers?symbol=ETHUSDT
7.5 send 1 ping
8.0 quote ETH 3100
15.0 send 1 ping
16.0 warn: bitget's stream is down; prices come by REST until it is back | the connection ended: end of stream
16.0 connecting (the connection ended: end of stream)
16.9 open 2 wss://bitget/v2/ws/public
18.0 close 2
18.0 idle (stopped)
)");
}

TEST_F(BitgetSession, IsRenewedBeforeTheVenueEndsIt) {
    open();
    while (p.count("open 2") == 0 && p.since_start() < 24h) {
        p.wait(10s);
        p.text(1, push("update", "BTC", "65000", static_cast<int>(p.since_start() / 1s)));
        p.text(1, push("update", "ETH", "3100", static_cast<int>(p.since_start() / 1s)));
    }
    EXPECT_GE(p.since_start(), 22h);
    EXPECT_LE(p.since_start(), 23h + 20s);
    p.done();
    p.opened(2);
    p.text(2, acknowledged("BTC"));
    p.text(2, push("snapshot", "BTC", "64000", 1, 3s));
    p.text(2, acknowledged("ETH"));
    p.text(2, push("update", "BTC", "65001", 1'000'000));
    EXPECT_EQ(
        p.done(),
        R"(81920.0 send 2 {"op":"subscribe","args":[{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},{"instType":"SPOT","channel":"trade","instId":"ETHUSDT"}]}
81920.0 close 1
81920.0 quote BTC 65001
)");
}

TEST_F(BitgetSession, ARefusedSymbolAndOneThatIsNotAcknowledged) {
    p.start();
    p.opened(1);
    p.text(1,
           fmt::format(R"({{"event":"error","arg":{},"code":30001,"msg":"it doesn't exist"}})", arg("ETH")));
    p.wait(11s);
    p.text(1, push("update", "BTC", "65000.10", 2));
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://bitget/v2/ws/public
0.0 connecting
0.0 send 1 {"op":"subscribe","args":[{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},{"instType":"SPOT","channel":"trade","instId":"ETHUSDT"}]}
0.0 warn: bitget refuses to stream ETH (ETHUSDT), so REST is polled for it; if it has another name there, set it in market.symbols | Bitget's error 30001: it doesn't exist
0.0 GET /api/v2/spot/market/tickers?symbol=ETHUSDT
0.0 connecting (its stream refuses ETH (ETHUSDT))
7.5 send 1 ping
10.0 warn: bitget has not acknowledged the subscription of BTC; it is sent again every 5m, and REST is polled meanwhile
11.0 quote BTC 65000.1
11.0 streaming (its stream refuses ETH (ETHUSDT))
11.0 info: bitget streams trades of BTC
)");
}

TEST_F(BitgetSession, Refusals) {
    open();
    p.text(1, R"({"event":"error","code":40200,"msg":"Server upgrade, please try again later"})");
    p.wait(3s);
    p.answer(200, R"({"code":"40200","msg":"Server upgrade, please try again later","data":null})");
    p.wait(4min);
    EXPECT_EQ(p.done(), R"(0.0 close 1
0.0 warn: bitget is closed for maintenance; it is looked at again in 5 min, REST is polled meanwhile | in maintenance: Bitget's error 40200: Server upgrade, please try again later
0.0 maintenance (in maintenance: Bitget's error 40200: Server upgrade, please try again later)
2.0 GET /api/v2/spot/market/tickers
3.0 warn: bitget provides no prices by REST either; retrying both with back-off | Bitget's error 40200: Server upgrade, please try again later
3.0 warn: bitget provides no prices, neither by stream nor by REST | in maintenance: Bitget's error 40200: Server upgrade, please try again later; REST: Bitget's error 40200: Server upgrade, please try again later
3.0 maintenance (in maintenance: Bitget's error 40200: Server upgrade, please try again later; REST: Bitget's error 40200: Server upgrade, please try again later)
7.1 GET /api/v2/spot/market/tickers
)");
    p.refused(2, 429, "30");
    EXPECT_EQ(p.done(), "");
}

TEST_F(BitgetSession, Faults) {
    open();
    p.text(1, "\x7f\x01{{{");
    p.text(1, R"({"action":"update","arg":)" + arg("BTC") + R"(,"data":[{"ts":7,"price":[]}]})");
    p.text(1, R"({"event":"error","code":30003,"msg":"Invalid op"})");
    p.text(1, push("update", "BTC", "0", 2));
    p.text(1, R"({"event":"error","code":30006,"msg":"request too many"})");
    p.wait(20s);
    EXPECT_EQ(p.done(), R"(0.0 warn: bitget sent a message without a usable price | a frame that is not JSON
0.0 warn: bitget limits the rate of messages; subscribing continues in 5m | Bitget's error 30006: request too many
2.0 GET /api/v2/spot/market/tickers?symbol=ETHUSDT
7.5 send 1 ping
15.0 close 1
15.0 warn: bitget's stream is down; prices come by REST until it is back | no data for 15s
15.0 silent (no data for 15s)
15.9 open 2 wss://bitget/v2/ws/public
)");
    p.answer(400, R"({"code":"40034","msg":"Parameter does not exist","data":null})");
    EXPECT_EQ(
        p.done(),
        R"(20.0 warn: bitget does not know 'ETHUSDT', so it has no price of ETH; if it has another name there, set it in market.symbols | Bitget's error 40034: Parameter does not exist
20.0 GET /api/v2/spot/market/tickers?symbol=BTCUSDT
20.0 silent (no data for 15s; it does not know ETH (ETHUSDT))
)");
}

}  // namespace
}  // namespace pricewire::feed::bitget_session_tests
