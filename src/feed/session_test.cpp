#include "feed/session.hpp"

#include <gtest/gtest.h>

#include "feed/binance/binance.hpp"
#include "feed/session_play.hpp"

namespace pricewire::feed::session_tests {
namespace {

using namespace std::chrono_literals;

// Each test plays a scenario and compares what was done, line by line, with the seconds since the start.

Play binance(std::vector<std::string> tickers = {"BTC", "ETH"}) {
    return {binance_type, std::move(tickers), {"wss://binance/stream", "https://binance"}};
}

constexpr const char* both =
    R"([{"symbol":"BTCUSDT","price":"61000.10"},{"symbol":"ETHUSDT","price":"2600.00"}])";
// A stream that is open and has brought a trade of each ticker.
Play streaming() {
    Play p = binance();
    p.start();
    p.opened(1);
    p.trade(1, "BTCUSDT", "61837.63");
    p.trade(1, "ETHUSDT", "2683.80");
    p.done();
    return p;
}

TEST(Session, ConnectsAndPublishesEveryTradeInOrder) {
    Play p = binance();
    p.start();
    p.wait(500ms);
    p.opened(1);
    p.trade(1, "BTCUSDT", "61837.63000000");
    p.trade(1, "BTCUSDT", "61837.62000000");
    p.wait(1s);
    p.trade(1, "ETHUSDT", "2683.80000000");
    p.wait(5s);
    EXPECT_EQ(p.done(), R"(0.0 open 1 wss://binance/stream?streams=btcusdt@trade/ethusdt@trade
0.0 connecting
0.5 quote BTC 61837.63
0.5 streaming
0.5 info: binance streams trades of BTC, ETH
0.5 quote BTC 61837.62
1.5 quote ETH 2683.8
)");
    EXPECT_EQ(p.status().state, SourceState::streaming);
    EXPECT_EQ(p.status().last_quote_at, p.now().wall - 5s);
    EXPECT_EQ(p.status().since, p.now().wall - 6s);
}

TEST(Session, ACutIsFollowedByANewConnectionAndRestFillsTheGap) {
    Play p = streaming();
    p.wait(5s);
    p.closed(1, "the connection ended: end of stream");
    p.wait(1s);
    p.wait(1500ms);
    p.answer(200, both);
    p.wait(5s);
    p.answer(200, both);
    p.opened(2);
    p.trade(2, "BTCUSDT", "61001");
    p.trade(2, "ETHUSDT", "2601");
    EXPECT_EQ(
        p.done(),
        R"(5.0 warn: binance's stream is down; prices come by REST until it is back | the connection ended: end of stream
5.0 connecting (the connection ended: end of stream)
5.9 open 2 wss://binance/stream?streams=btcusdt@trade/ethusdt@trade
7.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
7.5 quote BTC 61000.1
7.5 quote ETH 2600
7.5 polling_fallback (its stream: the connection ended: end of stream)
7.5 info: prices of binance come by REST every 5s until its stream has trades
12.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
12.5 quote BTC 61000.1
12.5 quote ETH 2600
12.5 quote BTC 61001
12.5 streaming
12.5 quote ETH 2601
)");
    for (int i = 0; i < 10; ++i) {
        p.wait(4s);
        p.trade(2, "BTCUSDT", "61001");
        p.trade(2, "ETHUSDT", "2601");
    }
    EXPECT_EQ(p.count("binance streams trades again"), 1);
    EXPECT_EQ(p.count("GET"), 0);
}

TEST(Session, AReconnectWithinTheGraceSendsNoRestRequest) {
    Play p = streaming();
    p.closed(1, "the connection ended: end of stream");
    p.wait(1s);
    p.opened(2);
    p.trade(2, "BTCUSDT", "61001");
    p.trade(2, "ETHUSDT", "2601");
    p.wait(5s);
    EXPECT_EQ(
        p.done(),
        R"(0.0 warn: binance's stream is down; prices come by REST until it is back | the connection ended: end of stream
0.0 connecting (the connection ended: end of stream)
0.9 open 2 wss://binance/stream?streams=btcusdt@trade/ethusdt@trade
1.0 quote BTC 61001
1.0 streaming
1.0 quote ETH 2601
)");
}

TEST(Session, ADeadStreamIsGivenUpAfterTheSilenceLimit) {
    Play p = streaming();
    p.wait(10s);
    p.answer(200, both);
    p.wait(8s);
    p.answer(200, both);
    p.wait(1s);
    EXPECT_EQ(p.done(), R"(7.5 ping 1
10.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
10.0 quote BTC 61000.1
10.0 quote ETH 2600
15.0 close 1
15.0 warn: binance's stream is down; prices come by REST until it is back | no data for 15s
15.0 polling_fallback (its stream: no data for 15s)
15.0 info: prices of binance come by REST every 5s until its stream has trades
15.9 open 2 wss://binance/stream?streams=btcusdt@trade/ethusdt@trade
17.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
18.0 quote BTC 61000.1
18.0 quote ETH 2600
)");
}

TEST(Session, AStreamThatOnlyAnswersPingsIsReplacedByRestAndLaterReopened) {
    Play p = streaming();
    for (int second = 1; second <= 61; ++second) {
        p.wait(1s);
        if (second % 5 == 0) p.ping(1);
        if (second == 10 || second == 15) p.answer(200, both);
        if (second == 20) p.answer(200, both);
        if (second == 21) {
            EXPECT_EQ(
                p.done(),
                R"(10.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
10.0 quote BTC 61000.1
10.0 quote ETH 2600
15.0 polling_fallback (its stream has no trades)
15.0 info: prices of binance come by REST every 5s until its stream has trades
20.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
20.0 quote BTC 61000.1
20.0 quote ETH 2600
)");
        }
        if (second > 21) p.answer(200, both);
    }
    EXPECT_EQ(p.count("close 1"), 1);
    EXPECT_EQ(p.count("| open, but without a trade for 1m"), 1);
    EXPECT_EQ(p.count("open 2"), 1);
}

TEST(Session, AQuietTickerIsPolledByRestWhileTheOthersStream) {
    Play p = streaming();
    for (int i = 0; i < 30; ++i) {
        p.wait(1s);
        p.trade(1, "BTCUSDT", "61837.63");
        if (i % 10 == 0) p.answer(200, R"([{"symbol":"ETHUSDT","price":"2683.80"}])");
    }
    std::string rest;
    const std::string all = p.done();
    for (std::size_t at = 0; at < all.size(); at = all.find('\n', at) + 1) {
        const std::string line = all.substr(at, all.find('\n', at) - at);
        if (line.find("quote BTC") == std::string::npos) rest += line + "\n";
    }
    EXPECT_EQ(rest, R"(10.0 GET /api/v3/ticker/price?symbols=%5B%22ETHUSDT%22%5D&symbolStatus=TRADING
11.0 quote ETH 2683.8
21.0 GET /api/v3/ticker/price?symbols=%5B%22ETHUSDT%22%5D&symbolStatus=TRADING
21.0 quote ETH 2683.8
)");
}

TEST(Session, AnAnswerOlderThanTheStreamsTradeIsDropped) {
    Play p = streaming();
    p.wait(10s);
    p.done();
    p.trade(1, "BTCUSDT", "62000");
    p.answer(200, both);
    EXPECT_EQ(p.done(), R"(10.0 quote BTC 62000
10.0 quote ETH 2600
)");
}

TEST(Session, GarbageIsCountedLoggedOnceAMinuteAndEndsTheStream) {
    Play p = streaming();
    for (int i = 0; i < 14; ++i) {
        p.wait(1s);
        p.text(1, "\x7f\x01{{{");
        if (i == 10) p.answer(200, both);
    }
    EXPECT_EQ(p.session().refused_quotes(), 14u);
    EXPECT_EQ(p.session().left_out(ParseError::Kind::not_json), 14u);
    p.wait(1s);
    EXPECT_EQ(p.done(),
              R"(1.0 warn: binance sent a message without a usable price | a frame that is not JSON
10.0 GET /api/v3/ticker/price?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&symbolStatus=TRADING
11.0 quote BTC 61000.1
11.0 quote ETH 2600
15.0 close 1
15.0 warn: binance's stream is down; prices come by REST until it is back | no valid data for 15s
15.0 polling_fallback (its stream: no valid data for 15s)
15.0 info: prices of binance come by REST every 5s until its stream has trades
)");
    EXPECT_EQ(p.status().state, SourceState::polling_fallback);
}

TEST(Session, OneBadFrameAmongGoodOnesChangesNothing) {
    Play p = streaming();
    p.text(1, R"({"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","p":"-1","T":1700000000000}})");
    p.trade(1, "BTCUSDT", "61837");
    p.text(1, R"({"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT","p":"0","T":1700000000000}})");
    EXPECT_EQ(
        p.done(),
        R"(0.0 warn: binance sent a message without a usable price | '-1' is not a valid price of BTCUSDT
0.0 quote BTC 61837
)");
    EXPECT_EQ(p.session().refused_quotes(), 2u);
    EXPECT_EQ(p.session().left_out(ParseError::Kind::bad_quote), 2u);
    EXPECT_EQ(p.session().left_out(ParseError::Kind::not_json), 0u);
    EXPECT_EQ(p.status().state, SourceState::streaming);
}

TEST(Session, BeforeTheDailyCutASuccessorTakesOverWithoutAGap) {
    Play p = streaming();
    const auto trades = [&](int stream) {
        p.trade(stream, "BTCUSDT", "61000");
        p.trade(stream, "ETHUSDT", "2600");
    };
    while (p.count("open 2") == 0 && p.since_start() < 24h) {
        p.done();
        trades(1);
        p.wait(5s);
    }
    EXPECT_GE(p.since_start(), 23h);
    EXPECT_LE(p.since_start(), 23h + 31min);
    p.done();
    trades(1);
    p.wait(300ms);
    p.opened(2);
    trades(1);  // too late: this connection is closed
    trades(2);
    p.wait(5s);
    EXPECT_EQ(p.count("close 1"), 1);
    EXPECT_EQ(p.count("GET"), 0);
    EXPECT_EQ(p.count("warn"), 0);
    EXPECT_EQ(p.count("quote"), 4);
    EXPECT_EQ(p.status().state, SourceState::streaming);
}

TEST(Session, ASuccessorThatFailsIsRetriedWhileTheOldStreamContinues) {
    Play p = streaming();
    p.text(1, R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}})");
    EXPECT_EQ(p.done(), R"(0.0 debug: binance's stream is renewed before the venue ends it
0.0 open 2 wss://binance/stream?streams=btcusdt@trade/ethusdt@trade
)");
    p.refused(2, 503);
    EXPECT_EQ(p.done(), "");
    for (int i = 0; i < 14; ++i) {
        p.wait(5s);
        p.trade(1, "BTCUSDT", "61000");
        p.trade(1, "ETHUSDT", "2600");
    }
    EXPECT_EQ(p.session().connections(), 1u) << "attempts do not count";
    EXPECT_EQ(p.count("open 3"), 1);
    EXPECT_EQ(p.count("warn"), 0);
}

TEST(Session, TheOldStreamMayEndWhileItsSuccessorOpens) {
    Play p = streaming();
    p.text(1, R"({"e":"serverShutdown","E":1770123456789})");
    p.closed(1, "the connection ended: closed");
    p.wait(500ms);
    p.opened(2);
    p.trade(2, "BTCUSDT", "61000");
    p.trade(2, "ETHUSDT", "2600");
    p.wait(3s);
    EXPECT_EQ(p.done(), R"(0.0 debug: binance's stream is renewed before the venue ends it
0.0 open 2 wss://binance/stream?streams=btcusdt@trade/ethusdt@trade
0.0 warn: binance's stream is down; prices come by REST until it is back | the connection ended: closed
0.0 connecting (the connection ended: closed)
0.5 quote BTC 61000
0.5 streaming
0.5 quote ETH 2600
)");
    EXPECT_EQ(p.session().connections(), 2u);
}

TEST(Session, TheBackOffGrowsAndStartsAgainOnlyAfterAHealthyConnection) {
    Play p = binance({"BTC"});
    p.start();
    int stream = 1;
    std::vector<Duration> waits;
    const auto fail_and_measure = [&] {
        p.closed(stream, "could not connect: refused");
        const Duration from = p.since_start();
        ++stream;
        const std::string open = "open " + std::to_string(stream) + " ";
        p.done();
        while (p.count(open) == 0 && p.since_start() - from < 2min) p.wait(100ms);
        return p.since_start() - from;
    };
    Duration longest{};
    for (int i = 0; i < 30; ++i) {
        const Duration wait = fail_and_measure();
        EXPECT_LE(wait, std::min<Duration>(1s * (1 << std::min(i, 6)), 60s) + 100ms) << "attempt " << i + 1;
        longest = std::max(longest, wait);
    }
    EXPECT_GE(longest, 30s);
    // It opens and dies at once: no reason to be hopeful.
    longest = {};
    for (int i = 0; i < 10; ++i) {
        p.opened(stream);
        p.trade(stream, "BTCUSDT", "1");
        longest = std::max(longest, fail_and_measure());
    }
    EXPECT_GE(longest, 10s);
    p.opened(stream);
    for (int i = 0; i < 7; ++i) {
        p.trade(stream, "BTCUSDT", "1");
        p.wait(5s);
    }
    EXPECT_LE(fail_and_measure(), 1100ms);
}

TEST(Session, AFlappingConnectionIsOneWarning) {
    Play p = streaming();
    int stream = 1;
    for (int i = 0; i < 200; ++i) {
        p.closed(stream, "the connection ended: reset");
        ++stream;
        while (p.count("open " + std::to_string(stream) + " ") == 0) {
            p.wait(1s);
            p.answer(200, both);
        }
        p.opened(stream);
        p.trade(stream, "BTCUSDT", "1");
        p.trade(stream, "ETHUSDT", "1");
    }
    const auto hours = std::chrono::ceil<std::chrono::hours>(p.since_start()).count();
    EXPECT_LE(p.count("warn:"), hours);
    EXPECT_LE(p.count("info:"), hours);
}

TEST(Session, NothingIsDoneAfterStop) {
    Play p = streaming();
    p.wait(10s);
    p.done();
    p.stop();
    EXPECT_EQ(p.done(), "10.0 close 1\n10.0 idle (stopped)\n");
    p.trade(1, "BTCUSDT", "1");
    p.ping(1);
    p.opened(1);
    p.closed(1, "late");
    p.answer(200, both);
    p.wait(1h);
    EXPECT_EQ(p.done(), "");
}

TEST(Session, EventsOfAStreamThatWasReplacedAreIgnored) {
    Play p = streaming();
    p.wait(10s);
    p.answer(200, both);
    p.wait(7s);
    p.done();
    p.trade(1, "BTCUSDT", "1");
    p.closed(1, "late");
    p.ping(1);
    p.opened(1);
    EXPECT_EQ(p.done(), "");
}

}  // namespace
}  // namespace pricewire::feed::session_tests
