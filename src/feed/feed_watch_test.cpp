#include <fmt/format.h>
#include <gtest/gtest.h>

#include "feed/feed_fixture.hpp"
#include "feed/session_toy.hpp"

// Tickers that are watched and given up while the feed runs.
namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

class FeedWatchTest : public FeedTest {
protected:
    // Bitstamp subscribes by messages of one symbol, CoinGecko is polled.
    void start(std::vector<Ticker> tickers, std::vector<Ticker> references = {}) {
        FeedOptions o = options(std::move(tickers));
        o.references = std::move(references);
        o.sources[0] = {.name = "bitstamp",
                        .ws_url = "wss://bitstamp",
                        .rest_url = "https://bitstamp/api/v2",
                        .poll_interval = 5s};
        create(std::move(o));
        feed->start();
        for (auto& socket : sockets.all) socket.handler.on_open();
        loop.wait(1s);
    }
    void watch(Ticker ticker, std::vector<FoundAt> found) { feed->watch(ticker, found); }
    void trade(std::size_t socket, const std::string& symbol, int price) {
        const auto on_text = sockets.all.at(socket).handler.on_text;
        on_text(fmt::format(
            R"({{"event":"trade","channel":"live_trades_{}","data":{{"id":{},"microtimestamp":"{}","price":{},"price_str":"{}"}}}})",
            symbol, ++id_, to_micros(loop.clock.now()), price, price));
    }
    void acknowledge(std::size_t socket, const std::string& symbol) {
        const auto on_text = sockets.all.at(socket).handler.on_text;
        on_text(R"({"event":"bts:subscription_succeeded","channel":"live_trades_)" + symbol +
                R"(","data":{}})");
    }
    // The messages about a symbol; empty: about any.
    std::size_t sent(std::size_t socket, const std::string& symbol = {}) const {
        return static_cast<std::size_t>(
            std::ranges::count_if(sockets.all.at(socket).sent, [&](const std::string& text) {
                return text.find("live_trades_" + symbol) != std::string::npos;
            }));
    }

    int id_ = 0;
};

TEST_F(FeedWatchTest, ATickerIsAskedOfTheSourcesThatListItUnderTheirNames) {
    start({"BTC"});
    EXPECT_EQ(sent(0, "btcusd"), 1u);
    watch("PEPE", {{"bitstamp", "pepeusd"}, {"coingecko", "pepe"}, {"nowhere", "x"}});
    loop.wait(1s);
    EXPECT_EQ(sent(0, "pepeusd"), 1u);
    EXPECT_EQ(sent(0, "btcusd"), 1u) << "others are not touched";
    acknowledge(0, "pepeusd");
    trade(0, "pepeusd", 7);
    EXPECT_EQ(seen, "bitstamp PEPE 7\n");
    loop.wait(1min);
    EXPECT_NE(http.open_request(0).url.find("ids=bitcoin"), std::string::npos);
    watch("PEPE", {{"bitstamp", "pepeusd"}, {"coingecko", "pepe"}});
    loop.wait(1s);
    EXPECT_EQ(sent(0, "pepeusd"), 1u) << "it is watched already";
    feed->unwatch("PEPE");
    trade(0, "pepeusd", 8);
    EXPECT_EQ(seen, "bitstamp PEPE 7\n");
    EXPECT_EQ(log.count("without a usable price"), 0u);
}

TEST_F(FeedWatchTest, ATickerOfTheConfigurationKeepsItsSymbolAndIsNeverGivenUp) {
    start({"BTC"}, {"USDT"});
    watch("BTC", {{"bitstamp", "btcusdt"}});
    watch("USDT", {});
    feed->unwatch("BTC");
    feed->unwatch("USDT");
    loop.wait(10s);
    EXPECT_EQ(sent(0), 2u);
    trade(0, "btcusd", 5);
    trade(0, "usdtusd", 1);
    EXPECT_EQ(seen, "bitstamp BTC 5\nbitstamp USDT 1\n");
}

TEST_F(FeedWatchTest, ATickerWithAnotherNameIsAskedForUnderThatAndOneThatIsListedNoMoreIsGivenUp) {
    start({"BTC"});
    watch("MATIC", {{"bitstamp", "maticusd"}});
    loop.wait(1s);
    acknowledge(0, "maticusd");
    watch("MATIC", {{"bitstamp", "polusd"}});
    loop.wait(1s);
    EXPECT_EQ(sent(0, "polusd"), 1u);
    acknowledge(0, "polusd");
    trade(0, "polusd", 3);
    EXPECT_EQ(seen, "bitstamp MATIC 3\n");
    watch("MATIC", {});
    trade(0, "polusd", 4);
    EXPECT_EQ(seen, "bitstamp MATIC 3\n");
}

TEST_F(FeedWatchTest, ASymbolThatIsNotOneOrIsAnotherTickersIsLeftOut) {
    start({"BTC"});
    watch("EVIL", {{"bitstamp", "a\"b"}});
    watch("XBT", {{"bitstamp", "btcusd"}});
    loop.wait(1s);
    EXPECT_EQ(sent(0), 1u);
    EXPECT_EQ(log.count("cannot be asked for"), 2u);
}

TEST_F(FeedWatchTest, WhatFitsOnNoConnectionGetsAnotherWhichIsClosedWhenItIsEmpty) {
    start({"BTC"});
    trade(0, "btcusd", 1);
    for (int i = 0; i < 250; ++i)
        watch(Ticker(fmt::format("T{}", i)), {{"bitstamp", fmt::format("t{}usd", i)}});
    ASSERT_EQ(sockets.all.size(), 2u);
    sockets.all[1].handler.on_open();
    loop.wait(25s);
    EXPECT_EQ(sent(0), 200u);
    EXPECT_EQ(sent(1), 51u);
    trade(0, "btcusd", 1);
    EXPECT_EQ(state(0), SourceState::streaming) << "coins that nobody trades say nothing about the source";
    const auto connections = feed->statuses()[0].connections;
    EXPECT_EQ(connections, 2u);
    for (int i = 199; i < 250; ++i) feed->unwatch(Ticker(fmt::format("T{}", i)));
    EXPECT_FALSE(sockets.all[1].alive);
    EXPECT_TRUE(sockets.all[0].alive);
    EXPECT_EQ(feed->statuses()[0].connections, connections) << "what was counted stays";
    loop.wait(5s);
    EXPECT_EQ(sockets.all.size(), 2u);
}

// Bitstamp answers for its whole market at once.
TEST_F(FeedWatchTest, AnAnswerIsForAllConnectionsOfTheSource) {
    start({"BTC"});
    for (int i = 0; i < 250; ++i)
        watch(Ticker(fmt::format("T{}", i)), {{"bitstamp", fmt::format("t{}usd", i)}});
    for (auto& socket : sockets.all) socket.handler.on_open();
    const auto entry = [&](const char* pair) {
        return fmt::format(
            R"({{"pair":"{}/USD","last":"5","timestamp":"{}","bid":"{}","ask":"6","volume":"1"}})", pair,
            to_micros(loop.clock.now()) / 1'000'000, ++id_);
    };
    std::size_t asked = 0;
    for (int step = 0; step < 300; ++step) {
        loop.wait(200ms);
        for (std::size_t i = 0; i < http.open(); ++i) {
            if (http.open_request(i).url.find("bitstamp") == std::string::npos) continue;
            ++asked;
            http.answer(i, body("[" + entry("T0") + "," + entry("T200") + "," + entry("T249") + "]"));
            break;
        }
        for (std::size_t s = 0; s < sockets.all.size(); ++s) acknowledge(s, "btcusd");
    }
    EXPECT_LE(asked, 13u) << "one in five seconds, not one for each connection";
    for (const char* ticker : {"T0 5", "T200 5", "T249 5"}) {
        std::size_t prices = 0;
        for (std::size_t at = 0; (at = seen.find(std::string("bitstamp ") + ticker, at)) != std::string::npos;
             ++at)
            ++prices;
        EXPECT_GE(prices, 10u) << ticker;
    }
}

TEST_F(FeedWatchTest, ConnectionsOfOneSourceAreOpenedOneAfterAnother) {
    FeedOptions o = options({"BTC"});
    o.sources = {{.name = "bitfinex", .ws_url = "wss://bitfinex", .rest_url = "", .poll_interval = 5s}};
    create(std::move(o));
    feed->start();
    for (int i = 0; i < 300; ++i)
        watch(Ticker(fmt::format("T{}", i)), {{"bitfinex", fmt::format("tT{:03}:USD", i)}});
    std::size_t most = 0;
    std::deque<std::size_t> opened;  // by second
    for (int second = 0; second < 120 && sockets.all.size() < 16; ++second) {
        const std::size_t before = sockets.all.size();
        loop.wait(1s);
        opened.push_back(sockets.all.size() - before);
        if (opened.size() > 60) opened.pop_front();
        std::size_t minute = 0;
        for (const std::size_t n : opened) minute += n;
        most = std::max(most, minute);
    }
    EXPECT_EQ(sockets.all.size(), 16u) << "20 fit on each";
    EXPECT_LE(most, 20u) << "are allowed in a minute";
}

// A connection to coins that nobody trades for minutes works all the same.
TEST_F(FeedWatchTest, AConnectionOfThinCoinsIsNotTakenForADeafOne) {
    start({"BTC"});
    for (int i = 0; i < 200; ++i)
        watch(Ticker(fmt::format("T{}", i)), {{"bitstamp", fmt::format("t{}usd", i)}});
    ASSERT_EQ(sockets.all.size(), 2u);
    sockets.all[1].handler.on_open();
    for (int second = 0; second < 540; ++second) {
        loop.wait(1s);
        trade(0, "btcusd", 1);
        sockets.all[1].handler.on_text(R"({"event":"bts:heartbeat","channel":"","data":{}})");
    }
    EXPECT_TRUE(sockets.all[1].alive);
    EXPECT_EQ(sockets.all.size(), 2u);
    EXPECT_EQ(state(0), SourceState::streaming);
}

TEST_F(FeedWatchTest, ASourceWithoutATickerOfItsOwnIsAskedForOthers) {
    FeedOptions o = options({});
    o.sources.pop_back();
    create(std::move(o));
    feed->start();
    EXPECT_EQ(state(0), SourceState::idle);
    watch("PEPE", {{"binance", "PEPEUSDT"}});
    ASSERT_EQ(sockets.all.size(), 1u);
    EXPECT_EQ(sockets.all[0].url, "wss://binance/stream?streams=pepeusdt@trade");
    sockets.all[0].handler.on_open();
    sockets.trade(0, "PEPEUSDT", "1");
    EXPECT_EQ(state(0), SourceState::streaming);
    feed->unwatch("PEPE");
    EXPECT_FALSE(sockets.all[0].alive);
    EXPECT_EQ(state(0), SourceState::idle);
    loop.wait(10s);
    feed->stop();
    EXPECT_EQ(loop.timers(), 0u);
}

TEST_F(FeedWatchTest, NothingIsOpenedBeforeTheStartOrAfterTheStop) {
    FeedOptions o = options({});
    o.sources.pop_back();
    create(std::move(o));
    watch("PEPE", {{"binance", "PEPEUSDT"}});
    loop.wait(10s);
    EXPECT_TRUE(sockets.all.empty());
    feed->start();
    EXPECT_EQ(sockets.all.size(), 1u);
    feed->stop();
    watch("DOGE", {{"binance", "DOGEUSDT"}});
    feed->unwatch("PEPE");
    loop.wait(1min);
    EXPECT_EQ(sockets.all.size(), 1u);
}

}  // namespace
}  // namespace pricewire::feed
