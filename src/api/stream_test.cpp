#include "api/stream.hpp"

#include <memory>
#include <string>

#include "api/api_fixture.hpp"
#include "fakes/fake_peer.hpp"

namespace pricewire::api {
namespace {

TEST(StreamCommand, ParsesEachKindAndExplainsRejections) {
    const std::vector<Ticker> pinned{"BTC", "ETH"};
    const StreamTickers known{pinned};
    const auto auth = parse_stream_command(
        R"({"type":"auth","api_key":"k","tickers":["btc"],"last_event_id":"1.2.3"})", known);
    ASSERT_TRUE(auth);
    EXPECT_EQ(auth->kind, StreamCommand::Kind::auth);
    EXPECT_EQ(auth->api_key, "k");
    EXPECT_EQ(auth->last_event_id, "1.2.3");
    EXPECT_EQ(auth->tickers, (std::vector<Ticker>{"BTC"}));
    const auto all = parse_stream_command(R"({"type":"subscribe","tickers":null})", known);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->kind, StreamCommand::Kind::subscribe);
    EXPECT_FALSE(all->tickers);
    const auto none = parse_stream_command(R"({"type":"subscribe","tickers":[]})", known);
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->tickers->empty());
    EXPECT_EQ(parse_stream_command(R"({"type":"ping"})", known)->kind, StreamCommand::Kind::ping);

    const auto refused = [&](const std::string& text) {
        const auto command = parse_stream_command(text, known);
        return command ? "accepted" : command.error();
    };
    EXPECT_EQ(refused("nonsense"), "A message should be a JSON object");
    EXPECT_EQ(refused("[1]"), "A message should be a JSON object");
    EXPECT_EQ(refused("{}"), "type should be auth, subscribe, watch or ping");
    EXPECT_EQ(refused(R"({"type":"sell"})"), "type should be auth, subscribe, watch or ping");
    EXPECT_EQ(refused(R"({"type":"auth"})"), "api_key is missing");
    EXPECT_EQ(refused(R"({"type":"auth","api_key":7})"), "api_key is missing");
    EXPECT_EQ(refused(R"({"type":"subscribe","tickers":["DOGE"]})"), "There is no ticker 'DOGE' here");
    EXPECT_EQ(refused(R"({"type":"subscribe","tickers":[1]})"), "tickers should be a list of strings");
    EXPECT_EQ(refused(R"({"type":"subscribe","tickers":["BTC","BTC","BTC"]})"),
              "There are only 2 tickers here");
    EXPECT_EQ(refused(R"({"type":"subscribe","tickers":"BTC"})"),
              "tickers should be a list such as [\"BTC\"], or null for all");
    EXPECT_EQ(refused(R"({"type":"auth","api_key":"k","last_event_id":")" + std::string(101, '1') + "\"}"),
              "last_event_id is invalid");
    EXPECT_EQ(refused(R"({"type":"ping","x":")" + std::string(20'000, 'x') + "\"}"),
              "A message should have at most 16 KiB");
    EXPECT_EQ(refused(std::string(2000, '[')), "A message should be a JSON object") << "nested too deeply";
}

TEST(StreamCommand, TickersOfAQueryAreSeparatedByCommas) {
    const std::vector<Ticker> pinned{"BTC", "ETH"};
    const StreamTickers known{pinned};
    EXPECT_EQ(parse_tickers("btc, ETH", known), (std::vector<Ticker>{"BTC", "ETH"}));
    EXPECT_TRUE(parse_tickers("", known)->empty());
    EXPECT_EQ(parse_tickers("BTC,X", known).error(), "There is no ticker 'X' here");
    EXPECT_EQ(parse_tickers("BTC,ETH,BTC", known).error(), "There are only 2 tickers here");
}

class StreamTest : public ApiTest {
protected:
    // A WebSocket before its key is checked, and what the server is asked to do with it.
    struct Socket {
        std::shared_ptr<fakes::FakePeer> peer = std::make_shared<fakes::FakePeer>();
        net::WsHandler handler;
        bool has(const std::string& part) const { return peer->wait_for(part); }
        bool closed_with(int code) const {
            return peer->wait([&](const auto&, int c) { return c == code; });
        }
    };
    Socket open(net::Headers headers = {}, const std::string& path = "/api/v1/stream") {
        net::ServerRequest request;
        request.method = "GET";
        request.target = request.path = path;
        request.headers = std::move(headers);
        request.peer = *net::IpAddress::parse("192.0.2.1");
        Socket socket;
        socket.handler = api().upgrade(request, socket.peer);
        sockets_.push_back(socket);
        return socket;
    }
    ~StreamTest() override {
        for (Socket& s : sockets_) {
            if (s.handler.on_close) s.handler.on_close();
        }
    }
    static std::string auth(const std::string& key) { return R"({"type":"auth","api_key":")" + key + "\"}"; }

    std::vector<Socket> sockets_;
    const Account ann_ = register_user("ann@example.com");
};

TEST(StreamCommand, OtherTickersMayBeNamedWhereTheyCanBeWatched) {
    const std::vector<Ticker> pinned{"BTC"};
    const StreamTickers known{pinned, [](const Ticker& ticker) { return ticker == Ticker("PEPE"); }};
    EXPECT_EQ(parse_stream_command(R"({"type":"subscribe","tickers":["pepe","BTC"]})", known)->tickers,
              (std::vector<Ticker>{"PEPE", "BTC"}));
    EXPECT_EQ(parse_stream_command(R"({"type":"subscribe","tickers":["XYZ"]})", known).error(),
              "There is no ticker 'XYZ' here");
    const auto watch = parse_stream_command(R"({"type":"watch","tickers":["pepe","XYZ"]})", known);
    ASSERT_TRUE(watch);
    EXPECT_EQ(watch->kind, StreamCommand::Kind::watch);
    EXPECT_EQ(watch->tickers, (std::vector<Ticker>{"PEPE", "XYZ"}));
    for (const char* text : {R"({"type":"watch"})", R"({"type":"watch","tickers":null})"}) {
        EXPECT_EQ(parse_stream_command(text, known).error(), "tickers should be a list such as [\"PEPE\"]")
            << text;
    }
    EXPECT_EQ(parse_stream_command(R"({"type":"watch","tickers":["much too long a name"]})", known).error(),
              "There is no ticker 'MUCH TOO LONG A NAME' here");
    std::string many = R"({"type":"watch","tickers":["PEPE")";
    for (int i = 0; i < 101; ++i) many += R"(,"PEPE")";
    EXPECT_EQ(parse_stream_command(many + "]}", known).error(), "A list should have at most 101 tickers");
}

TEST_F(StreamTest, AKeyIsAHeaderASubprotocolOrTheFirstMessage) {
    publish("BTC", "65000.5");
    const Socket header = open({{"x-api-key", ann_.api_key}});
    EXPECT_TRUE(header.has(R"({"type":"ready")"));
    EXPECT_TRUE(header.has(R"("BTC":{"price":65000.5,)"));
    EXPECT_EQ(header.handler.subprotocol, "");
    EXPECT_FALSE(header.handler.first_text_within);

    const Socket subprotocol =
        open({{"sec-websocket-protocol", "pricewire.v1, pricewire.key." + ann_.api_key}});
    EXPECT_TRUE(subprotocol.has(R"({"type":"ready")"));
    EXPECT_EQ(subprotocol.handler.subprotocol, "pricewire.v1") << "never the one with the key";

    const Socket message = open();
    EXPECT_TRUE(message.handler.first_text_within) << "a silent client is disconnected";
    EXPECT_TRUE(message.peer->sent().empty());
    message.handler.on_text(auth(ann_.api_key));
    EXPECT_TRUE(message.has(R"({"type":"ready")"));
}

TEST_F(StreamTest, AWrongKeyIsReportedAndClosesTheStream) {
    for (const std::string& key : {std::string("sk_live_nobody"), "sk_live_" + std::string(43, 'a')}) {
        const Socket socket = open();
        socket.handler.on_text(auth(key));
        EXPECT_TRUE(socket.closed_with(4401));
        EXPECT_TRUE(socket.has(
            R"({"type":"error","error":"HTTPException","detail":"Invalid or inactive API Key","code":401})"));
    }
}

TEST_F(StreamTest, GuessedKeysAreLimitedLikeThoseOfRequests) {
    options_.failed_keys_limit = {3, 60s};
    api_ = nullptr;
    for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(open({{"x-api-key", "sk_live_" + std::string(43, static_cast<char>('a' + i))}})
                        .closed_with(4401));
    EXPECT_TRUE(open({{"x-api-key", "sk_live_" + std::string(43, 'x')}}).closed_with(4429));
    const Socket message = open();
    message.handler.on_text(auth("sk_live_" + std::string(43, 'y')));
    EXPECT_TRUE(message.closed_with(4429));
    EXPECT_EQ(call("GET", "/api/v1/events", {}, {{"x-api-key", "sk_live_" + std::string(43, 'z')}}).status,
              429);
    EXPECT_EQ(storage_.calls("user_by_key_hash"), 3);
}

TEST_F(StreamTest, AClientBehindATrustedProxyHasAShareOfItsOwn) {
    options_.trusted_proxies = {*net::Network::parse("192.0.2.1")};
    options_.streams_per_address = 2;
    api_ = nullptr;
    const auto from = [&](const std::string& client) {
        return open({{"x-api-key", ann_.api_key}, {"x-forwarded-for", client}});
    };
    Socket first = from("198.51.100.1");
    EXPECT_TRUE(first.has(R"({"type":"ready")"));
    EXPECT_TRUE(from("198.51.100.1").has(R"({"type":"ready")"));
    EXPECT_TRUE(from("198.51.100.1").has("Too many streams are open from your address"));
    EXPECT_TRUE(from("198.51.100.2").has(R"({"type":"ready")")) << "another client of the proxy";
    EXPECT_EQ(
        call("GET", "/api/v1/events", {}, {{"x-api-key", ann_.api_key}, {"x-forwarded-for", "198.51.100.1"}})
            .status,
        503);
    first.handler.on_close();
    EXPECT_TRUE(from("198.51.100.1").has(R"({"type":"ready")")) << "one has ended";
}

TEST_F(StreamTest, InvalidEarlyOrRepeatedMessagesAreReportedAndCloseTheStream) {
    const Socket early = open();
    early.handler.on_text(R"({"type":"subscribe"})");
    EXPECT_TRUE(early.closed_with(4401));
    const Socket pinging = open();
    pinging.handler.on_text(R"({"type":"ping"})");
    EXPECT_TRUE(pinging.closed_with(4401)) << "a key is required";
    const Socket nonsense = open({{"x-api-key", ann_.api_key}});
    nonsense.handler.on_text("?");
    EXPECT_TRUE(nonsense.closed_with(4400));
    EXPECT_TRUE(nonsense.has(R"("detail":"A message should be a JSON object","code":400)"));
    const Socket twice = open({{"x-api-key", ann_.api_key}});
    twice.handler.on_text(auth(ann_.api_key));
    EXPECT_TRUE(twice.closed_with(4400));
}

TEST_F(StreamTest, AClientMayChooseItsTickersAndPing) {
    publish("BTC", "1");
    publish("ETH", "2");
    const Socket socket = open();
    socket.handler.on_text(R"({"type":"auth","api_key":")" + ann_.api_key + R"(","tickers":["ETH"]})");
    ASSERT_TRUE(socket.has(R"({"type":"prices","prices":{"ETH":{"price":2,)"));
    EXPECT_EQ(socket.peer->count("BTC"), 0U);
    socket.handler.on_text(R"({"type":"subscribe","tickers":["BTC"]})");
    EXPECT_TRUE(socket.has(R"({"type":"prices","prices":{"BTC":{"price":1,)"));
    socket.handler.on_text(R"({"type":"ping"})");
    EXPECT_TRUE(socket.has(R"({"type":"pong"})"));
}

TEST_F(StreamTest, AClientThatSendsTooMuchIsDisconnected) {
    const Socket socket = open({{"x-api-key", ann_.api_key}});
    for (int i = 0; i < 60; ++i) socket.handler.on_text(R"({"type":"ping"})");
    EXPECT_TRUE(socket.closed_with(4429));
    EXPECT_LE(socket.peer->count("pong"), 50U);
}

TEST_F(StreamTest, OpeningStreamsIsLimitedLikeEveryRequest) {
    options_.user_limit = {2, 10s};
    api_ = nullptr;
    EXPECT_TRUE(open({{"x-api-key", ann_.api_key}}).has("ready"));
    EXPECT_TRUE(open({{"x-api-key", ann_.api_key}}).has("ready"));
    const Socket third = open({{"x-api-key", ann_.api_key}});
    EXPECT_TRUE(third.closed_with(4429));
    EXPECT_TRUE(third.has(R"("detail":"Rate limit exceeded)"));
}

TEST_F(StreamTest, ChangesToADeliveryAreSent) {
    const Socket socket = open({{"x-api-key", ann_.api_key}});
    ASSERT_TRUE(socket.has("ready"));
    const Answer created = call_as(ann_, "POST", "/api/v1/alerts", alert_body());
    ASSERT_EQ(created.status, 201) << created.body;
    const Answer tested = call_as(ann_, "POST", "/api/v1/alerts/" + member(created.body, "id") + "/test");
    ASSERT_EQ(tested.status, 202) << tested.body;
    EXPECT_TRUE(socket.has(R"("kind":"test","status":"pending")"));
    const std::string id = member(tested.body, "id");
    ASSERT_EQ(call_as(ann_, "POST", "/api/v1/deliveries/" + id + "/cancel").status, 200);
    EXPECT_TRUE(socket.has(R"("kind":"test","status":"cancelled")"));
    ASSERT_EQ(call_as(ann_, "POST", "/api/v1/deliveries/" + id + "/retry").status, 202);
    EXPECT_TRUE(socket.peer->wait_for(R"("kind":"test","status":"pending")", 2));
}

TEST_F(StreamTest, WhatIsDoneToAlertsIsSentToAllStreamsOfTheirUser) {
    const Account ben = register_user("ben@example.com");
    const Socket one = open({{"x-api-key", ann_.api_key}}), two = open({{"x-api-key", ann_.api_key}});
    const Socket his = open({{"x-api-key", ben.api_key}});
    for (const Socket* s : {&one, &two, &his}) ASSERT_TRUE(s->has("ready"));
    const auto sent = [&](const std::string& part, std::size_t times = 1) {
        return one.peer->wait_for(part, times) && two.peer->wait_for(part, times);
    };
    const Answer created = call_as(ann_, "POST", "/api/v1/alerts", alert_body());
    const std::string id = member(created.body, "id");
    EXPECT_TRUE(sent(R"({"type":"alert_created","id":")"));
    EXPECT_TRUE(sent(R"("alert":{"id":")" + id));
    const std::string bulk = R"({"alerts":[)" + alert_body("5", "ETH") + "," + alert_body("6", "ETH") + "," +
                             alert_body("6", "ETH") + "]}";
    ASSERT_EQ(call_as(ann_, "POST", "/api/v1/alerts/bulk", bulk).status, 200);
    EXPECT_TRUE(sent(R"({"type":"alert_created")", 3));
    ASSERT_EQ(call_as(ann_, "PATCH", "/api/v1/alerts/" + id, R"({"note":"other"})").status, 200);
    EXPECT_TRUE(sent(R"({"type":"alert_changed")"));
    ASSERT_EQ(call_as(ann_, "DELETE", "/api/v1/alerts/" + id).status, 204);
    EXPECT_TRUE(sent(R"("alert_id":")" + id));
    ASSERT_EQ(call_as(ann_, "DELETE", "/api/v1/alerts?ticker=ETH").status, 200);
    EXPECT_TRUE(sent(R"({"type":"alert_deleted")", 3));
    EXPECT_EQ(one.peer->count("alert_created"), 3U);
    EXPECT_EQ(his.peer->count("alert_"), 0U);
}

TEST_F(StreamTest, ReplacingAKeyEndsItsStreams) {
    const Socket socket = open({{"x-api-key", ann_.api_key}});
    ASSERT_TRUE(socket.has("ready"));
    ASSERT_EQ(call_as(ann_, "POST", "/api/v1/users/me/api-key").status, 200);
    EXPECT_TRUE(socket.closed_with(4401));
}

TEST_F(StreamTest, OtherPathsHaveNoWebSocket) {
    const Socket socket = open({}, "/api/v1/rates");
    EXPECT_FALSE(socket.handler.on_text);
    ASSERT_TRUE(socket.handler.refusal);
    EXPECT_EQ(socket.handler.refusal->status, 404);
}

TEST_F(StreamTest, WithoutAnUpgradeTheStreamExplainsItself) {
    const Answer answer = call_as(ann_, "GET", "/api/v1/stream");
    EXPECT_EQ(answer.status, 426);
    EXPECT_EQ(answer.header("Upgrade"), "websocket");
}

TEST_F(StreamTest, EventsAreRejectedBeforeTheyStart) {
    EXPECT_EQ(call("GET", "/api/v1/events").status, 401);
    expect_invalid(call_as(ann_, "GET", "/api/v1/events?tickers=BTC,NO"), R"("query","tickers")", "enum");
}

}  // namespace
}  // namespace pricewire::api
