#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "fakes/fake_http_client.hpp"
#include "fakes/hand_loop.hpp"
#include "fakes/log_capture.hpp"
#include "feed/feed.hpp"

namespace pricewire::feed {

// The sockets that the feed believes to have opened.
struct FakeSockets {
    struct Socket {
        std::string url;
        net::WsClientHandler handler;
        bool alive = true;
        int pings = 0;
        std::vector<std::string> sent = {};
    };
    class Client final : public net::WsClient {
    public:
        explicit Client(Socket& socket) : socket_(socket) {}
        ~Client() override { socket_.alive = false; }
        void send_text(std::string text) override { socket_.sent.push_back(std::move(text)); }
        void send_ping() override { ++socket_.pings; }

    private:
        Socket& socket_;
    };

    std::unique_ptr<net::WsClient> open(const net::WsClientOptions& options, net::WsClientHandler handler) {
        all.push_back({options.url, std::move(handler)});
        return std::make_unique<Client>(all.back());
    }
    // Handlers are copied first, as the real client does: they may drop the socket.
    void trade(std::size_t i, const std::string& symbol, const std::string& price) {
        const std::string lower = lower_case(symbol);
        const auto on_text = all.at(i).handler.on_text;
        on_text(R"({"stream":")" + lower + R"(@trade","data":{"e":"trade","s":")" + symbol + R"(","p":")" +
                price + R"(","T":1700000000000}})");
    }
    void close(std::size_t i, const net::WsClosed& closed) {
        const auto on_closed = all.at(i).handler.on_closed;
        on_closed(closed);
    }

    std::deque<Socket> all;
};

class FeedTest : public ::testing::Test {
protected:
    FeedOptions options(std::vector<Ticker> tickers) {
        FeedOptions o;
        o.tickers = std::move(tickers);
        o.sources = {{.name = "binance",
                      .ws_url = "wss://binance/stream",
                      .rest_url = "https://binance/",
                      .poll_interval = std::chrono::seconds{5}},
                     {.name = "coingecko",
                      .ws_url = {},
                      .rest_url = "https://gecko/api/v3",
                      .poll_interval = std::chrono::seconds{60}}};
        o.open_websocket = [this](net::EventLoop&, const net::WsClientOptions& ws,
                                  net::WsClientHandler handler) {
            return sockets.open(ws, std::move(handler));
        };
        return o;
    }
    void create(FeedOptions o) {
        feed = create_feed(loop, http, loop.clock, std::move(o), [this](std::span<const Quote> quotes) {
            for (const Quote& q : quotes) {
                seen += std::string(q.source.view()) + " " + std::string(q.ticker.view()) + " " +
                        q.price.to_string() + "\n";
            }
        });
    }
    SourceState state(std::size_t i) { return feed->statuses().at(i).state; }
    static net::HttpResult body(std::string text) {
        auto result = fakes::http_status(200);
        result.body = std::move(text);
        return result;
    }

    fakes::LogCapture log;
    fakes::HandLoop loop;
    FakeSockets sockets;
    fakes::FakeHttpClient http;
    std::string seen;
    std::unique_ptr<Feed> feed;
};

}  // namespace pricewire::feed
