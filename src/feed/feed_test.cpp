#include "feed/feed.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/mutex.hpp"
#include "feed/feed_fixture.hpp"
#include "net/http_server.hpp"

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

TEST_F(FeedTest, StreamsPollsAndPassesQuotesOn) {
    create(options({"BTC", "ETH"}));
    EXPECT_EQ(state(0), SourceState::starting);
    feed->start();
    ASSERT_EQ(sockets.all.size(), 1u);
    EXPECT_EQ(sockets.all[0].url, "wss://binance/stream?streams=btcusdt@trade/ethusdt@trade");
    ASSERT_EQ(http.open(), 1u);
    EXPECT_TRUE(
        http.open_request(0).url.starts_with("https://gecko/api/v3/simple/price?ids=bitcoin%2Cethereum&"));
    sockets.all[0].handler.on_open();
    sockets.trade(0, "BTCUSDT", "61837.63");
    http.answer(
        0,
        body(
            R"({"bitcoin":{"usd":61800,"last_updated_at":1700000000},"ethereum":{"usd":2600,"last_updated_at":1700000000}})"));
    EXPECT_EQ(seen, "binance BTC 61837.63\n") << "answers come by way of the loop";
    loop.turn();
    EXPECT_EQ(seen, "binance BTC 61837.63\ncoingecko BTC 61800\ncoingecko ETH 2600\n");
    EXPECT_EQ(state(0), SourceState::streaming);
    EXPECT_EQ(state(1), SourceState::polling);
    EXPECT_EQ(feed->statuses()[0].last_quote_at, loop.clock.now());
    EXPECT_EQ(log.count("binance streams trades of BTC, ETH"), 1u);
    EXPECT_EQ(log.count("coingecko provides prices of BTC, ETH, polled every 1m"), 1u);
}

TEST_F(FeedTest, ATapSeesFramesAndAnswersAndIsToldTheKeyBefore) {
    class Tap final : public FrameTap {
    public:
        std::uint64_t connected(SourceName) override { return ++connections; }
        void hide(std::string secret) override {
            if (!secret.empty()) seen += "hide " + secret + "\n";
        }
        void pass(const TappedFrame& frame) override {
            seen += fmt::format("{} {}{} {}\n", frame.venue.view(), frame.is_out ? "out" : "in",
                                frame.connection, frame.bytes.substr(0, 20));
        }
        std::uint64_t connections = 0;
        std::string seen;
    } tap;
    FeedOptions o = options({"BTC"});
    o.sources[1].api_key = "CG-key";
    o.tap = &tap;
    create(std::move(o));
    feed->start();
    sockets.all[0].handler.on_open();
    sockets.all[0].handler.on_text("a");
    http.answer(0, body("{}"));
    loop.turn();
    EXPECT_EQ(tap.seen,
              "hide CG-key\ncoingecko out1 https://gecko/api/v3\nbinance in1 a\ncoingecko in1 {}\n");
}

TEST_F(FeedTest, PingsGivesUpAndReconnects) {
    create(options({"BTC"}));
    feed->start();
    sockets.all[0].handler.on_open();
    sockets.trade(0, "BTCUSDT", "1");
    loop.wait(17s);
    EXPECT_EQ(sockets.all[0].pings, 1);
    EXPECT_FALSE(sockets.all[0].alive);
    ASSERT_EQ(sockets.all.size(), 2u);
    EXPECT_TRUE(sockets.all[1].alive);
    sockets.close(
        1, {.http_status = 429, .retry_after = "100", .reason = "the upgrade was answered with status 429"});
    EXPECT_FALSE(sockets.all[1].alive);
    EXPECT_EQ(state(0), SourceState::refused);
    loop.wait(99s);
    EXPECT_EQ(sockets.all.size(), 2u);
    loop.wait(12s);
    EXPECT_EQ(sockets.all.size(), 3u);
    EXPECT_EQ(log.count("warn binance refuses its stream; next attempt in"), 1u);
    EXPECT_EQ(log.count("reason=429 Too Many Requests"), 1u);
}

TEST_F(FeedTest, MoreTickersThanFitOneConnectionHaveSeveral) {
    std::vector<Ticker> tickers;
    for (int i = 0; i < 450; ++i) tickers.push_back(Ticker("T" + std::to_string(i)));
    FeedOptions o = options(tickers);
    o.sources[1].enabled = false;
    create(std::move(o));
    feed->start();
    ASSERT_EQ(sockets.all.size(), 1u) << "venues limit how fast connections are opened";
    loop.wait(6s);
    ASSERT_EQ(sockets.all.size(), 3u);
    EXPECT_TRUE(sockets.all[2].url.ends_with("/t449usdt@trade"));
    for (auto& socket : sockets.all) socket.handler.on_open();
    sockets.trade(0, "T0USDT", "1");
    sockets.trade(1, "T200USDT", "2");
    EXPECT_EQ(feed->statuses().size(), 2u);
    EXPECT_EQ(state(0), SourceState::connecting) << "the third brings nothing yet";
    EXPECT_EQ(feed->statuses()[0].last_quote_at, loop.clock.now());
    sockets.trade(2, "T449USDT", "3");
    EXPECT_EQ(state(0), SourceState::streaming);
    EXPECT_EQ(state(1), SourceState::disabled);
    EXPECT_EQ(feed->statuses()[1].detail, "switched off");
}

TEST_F(FeedTest, SymbolsByRuleOrByConfiguration) {
    FeedOptions o = options({"BTC", "NOSUCH"});
    create(o);
    EXPECT_EQ(log.count("coingecko has no symbol for NOSUCH: set one in market.symbols"), 1u);
    o.sources[1].symbols = {{"NOSUCH", "no-such-coin"}};
    o.sources[0].symbols = {{"BTC", "BTCFDUSD"}};
    create(o);
    feed->start();
    EXPECT_EQ(sockets.all.at(0).url, "wss://binance/stream?streams=btcfdusd@trade/nosuchusdt@trade");
    EXPECT_NE(http.open_request(0).url.find("ids=bitcoin%2Cno-such-coin&"), std::string::npos);
}

TEST_F(FeedTest, InvalidOptionsAreReported) {
    FeedOptions o = options({"BTC", "ETH"});
    EXPECT_TRUE(wrong_options(o).empty());
    o.sources[0].symbols = {{"ETH", "BTCUSDT"}};
    o.sources[1].symbols = {{"BTC", "bit coin"}};
    o.sources.push_back({.name = "mtgox"});
    EXPECT_EQ(wrong_options(o), (std::vector<std::string>{
                                    "market.symbols: BTC and ETH have the same symbol 'BTCUSDT' at binance",
                                    "market.symbols: 'bit coin' is not a valid symbol of BTC at coingecko",
                                    "there is no source 'mtgox'"}));
    EXPECT_THROW(create(o), std::invalid_argument);
}

TEST_F(FeedTest, AnAttemptThatCannotEvenBeMadeIsMadeAgain) {
    FeedOptions o = options({"BTC"});
    o.sources.pop_back();
    int failures = 3;
    const auto open = o.open_websocket;
    o.open_websocket = [&, open](net::EventLoop& l, const net::WsClientOptions& ws, net::WsClientHandler h) {
        if (failures-- > 0) throw std::runtime_error("no file is left");
        return open(l, ws, std::move(h));
    };
    create(std::move(o));
    feed->start();
    loop.turn();
    EXPECT_EQ(state(0), SourceState::connecting);
    EXPECT_EQ(feed->statuses()[0].detail, "no file is left");
    loop.wait(1min);
    ASSERT_GE(sockets.all.size(), 1u);
    sockets.all.back().handler.on_open();
    sockets.trade(sockets.all.size() - 1, "BTCUSDT", "1");
    EXPECT_EQ(state(0), SourceState::streaming);
}

TEST_F(FeedTest, AKeyIsSentAsAHeaderToTheSourceThatHasOneAndNowhereElse) {
    FeedOptions o = options({"BTC"});
    o.sources[0].ws_url = "";
    o.sources[0].api_key = o.sources[1].api_key = "CG-secret";
    create(std::move(o));
    feed->start();
    ASSERT_EQ(http.open(), 2u);
    for (std::size_t i = 0; i < 2; ++i) {
        const auto& request = http.open_request(i);
        const bool is_gecko = request.url.find("gecko") != std::string::npos;
        const auto key = std::ranges::find(request.headers, "x-cg-demo-api-key",
                                           [](const auto& header) { return header.first; });
        EXPECT_EQ(key != request.headers.end(), is_gecko) << request.url;
        if (is_gecko) {
            EXPECT_EQ(key->second, "CG-secret");
        }
        EXPECT_EQ(request.url.find("CG-secret"), std::string::npos);
    }
    EXPECT_EQ(log.count("CG-secret"), 0u);
}

TEST_F(FeedTest, TickersThatNoSourceHasAreKnown) {
    FeedOptions o = options({"BTC", "NOSUCH"});
    EXPECT_EQ(tickers_with_a_source(o), (std::vector<Ticker>{"BTC", "NOSUCH"})) << "by binance's rule";
    o.sources[0].enabled = false;
    EXPECT_EQ(tickers_with_a_source(o), std::vector<Ticker>{"BTC"});
    o.sources[1].symbols = {{"NOSUCH", "no-such-coin"}};
    EXPECT_EQ(tickers_with_a_source(o), (std::vector<Ticker>{"BTC", "NOSUCH"}));
}

TEST_F(FeedTest, ASourceWithNothingToAskIsIdleNotDisabled) {
    FeedOptions o = options({"NOSUCH"});
    o.sources[0].ws_url = o.sources[0].rest_url = "";
    create(std::move(o));
    feed->start();
    EXPECT_EQ(state(0), SourceState::idle);
    EXPECT_EQ(feed->statuses()[0].detail, "neither a stream nor REST is configured");
    EXPECT_EQ(state(1), SourceState::idle);
    EXPECT_EQ(feed->statuses()[1].detail, "no symbol for any ticker");
}

TEST_F(FeedTest, NoCallbackComesAfterStopOrDestruction) {
    create(options({"BTC"}));
    feed->start();
    sockets.all[0].handler.on_open();
    feed->stop();
    EXPECT_FALSE(sockets.all[0].alive);
    EXPECT_EQ(loop.timers(), 0u);
    http.answer(0, body(R"({"bitcoin":{"usd":61800,"last_updated_at":1700000000}})"));
    loop.wait(1h);
    EXPECT_EQ(sockets.all.size(), 1u);
    EXPECT_EQ(http.seen().size(), 1u);
    EXPECT_EQ(state(0), SourceState::idle);

    create(options({"BTC"}));
    feed->start();
    ASSERT_EQ(http.open(), 1u);
    http.answer(0, body(R"({"bitcoin":{"usd":61800,"last_updated_at":1700000000}})"));
    feed.reset();
    loop.wait(1h);
    EXPECT_EQ(seen, "");
    EXPECT_EQ(loop.timers(), 0u);
}

// A venue on loopback: its stream is refused first, then cut, and REST answers throughout.
TEST(FeedOverSockets, FallsBackAndRecovers) {
    fakes::LogCapture log;
    std::atomic<int> upgrades = 0;
    struct {
        Mutex mutex;
        std::vector<std::shared_ptr<net::WsPeer>> all GUARDED_BY(mutex);
    } peers;
    const std::string trade =
        fmt::format(R"({{"stream":"btcusdt@trade","data":{{"e":"trade","s":"BTCUSDT","p":"2","T":{}}}}})",
                    to_micros(system_clock().now()) / 1000);
    auto server = net::create_http_server(
        {.listen = "127.0.0.1:0"},
        [](net::ServerRequest&& request, net::HttpServer::Respond respond) {
            respond(request.path == "/api/v3/ticker/price"
                        ? net::ServerResponse{.body = R"([{"symbol":"BTCUSDT","price":"1.00000000"}])"}
                        : net::ServerResponse{.status = 404});
        },
        [&](const net::ServerRequest& request, std::shared_ptr<net::WsPeer> peer) -> net::WsHandler {
            net::WsHandler handler;
            if (request.target != "/stream?streams=btcusdt@trade") return handler;
            if (++upgrades == 1) {
                handler.refusal = net::ServerResponse{.status = 429, .headers = {{"Retry-After", "3"}}};
                return handler;
            }
            handler.on_text = [](std::string_view) {};
            MutexLock lock(peers.mutex);
            peers.all.push_back(std::move(peer));
            return handler;
        });
    ASSERT_TRUE(server) << server.error().message;
    const std::string port = std::to_string((*server)->port());

    const auto loop = net::create_event_loop();
    auto http = net::create_http_client();
    std::atomic<int> by_rest = 0;
    std::atomic<int> by_stream = 0;
    FeedOptions options;
    options.tickers = {"BTC"};
    options.session.fallback_grace = 200ms;
    options.sources = {{.name = "binance",
                        .ws_url = "ws://127.0.0.1:" + port + "/stream",
                        .rest_url = "http://127.0.0.1:" + port,
                        .poll_interval = 500ms}};
    auto feed = create_feed(*loop, *http, system_clock(), options, [&](std::span<const Quote> quotes) {
        for (const Quote& q : quotes) ++(q.price == Decimal::from_int(1) ? by_rest : by_stream);
    });
    loop->post([&] { feed->start(); });
    std::thread thread([&] { loop->run(); });
    const auto until = [](auto holds) {
        for (int i = 0; i < 3000 && !holds(); ++i) std::this_thread::sleep_for(10ms);
        return holds();
    };
    const auto state = [&] { return feed->statuses().at(0).state; };

    EXPECT_TRUE(until([&] { return state() == SourceState::polling_fallback; }));
    EXPECT_GE(by_rest, 1);
    EXPECT_TRUE(until([&] {
        MutexLock lock(peers.mutex);
        for (auto& peer : peers.all) peer->send_text(trade);
        return state() == SourceState::streaming;
    }));
    EXPECT_GE(by_stream, 1);
    {
        MutexLock lock(peers.mutex);
        peers.all.back()->abort();
    }
    EXPECT_TRUE(until([&] { return upgrades >= 3; }));
    EXPECT_TRUE(until([&] {
        MutexLock lock(peers.mutex);
        peers.all.back()->send_text(trade);
        return state() == SourceState::streaming;
    }));
    EXPECT_EQ(log.count("reason=429 Too Many Requests"), 1u);

    loop->post([&] {
        feed->stop();
        loop->stop();
    });
    thread.join();
    feed.reset();
    http.reset();
    {
        MutexLock lock(peers.mutex);
        peers.all.clear();
    }
    (*server)->stop(1s);
}

}  // namespace
}  // namespace pricewire::feed
