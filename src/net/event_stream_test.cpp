// Connections that the server keeps sending to: endless responses, and WebSockets.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.hpp"
#include "net/http_server.hpp"
#include "support/raw_client.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;
using test::RawClient;

class EventStreamTest : public ::testing::Test {
protected:
    EventStreamTest() {
        server_ =
            create_http_server(
                {.listen = "127.0.0.1:0"},
                [this](ServerRequest&&, HttpServer::Respond respond) {
                    ServerResponse response;
                    response.content_type = "text/event-stream";
                    response.stream = [this](const std::shared_ptr<StreamPeer>& peer) {
                        peer->send(std::make_shared<const std::string>("data: hello\n\n"));
                        opened(peer);
                        return [this] { closed(); };
                    };
                    respond(std::move(response));
                },
                [this](const ServerRequest& request, const std::shared_ptr<WsPeer>& peer) {
                    opened(peer);
                    WsHandler handler;
                    handler.on_text = [peer](std::string_view text) { peer->send_text(std::string(text)); };
                    handler.on_close = [this] { closed(); };
                    if (request.path == "/spoken") handler.subprotocol = "pricewire.v1";
                    if (request.path == "/hurry") handler.first_text_within = 50ms;
                    return handler;
                })
                .value();
    }

    void opened(std::shared_ptr<StreamPeer> peer) {
        MutexLock lock(mutex_);
        peer_ = std::move(peer);
        changed_.notify_all();
    }
    void closed() {
        MutexLock lock(mutex_);
        ++closed_;
        changed_.notify_all();
    }
    std::shared_ptr<StreamPeer> peer() {
        MutexLock lock(mutex_);
        EXPECT_TRUE(changed_.wait_for(lock, 30s, [&]() REQUIRES(mutex_) { return peer_ != nullptr; }));
        return peer_;
    }
    bool wait_for_closed(int count) {
        MutexLock lock(mutex_);
        return changed_.wait_for(lock, 30s, [&]() REQUIRES(mutex_) { return closed_ >= count; });
    }
    static std::shared_ptr<const std::string> text(std::string t) {
        return std::make_shared<const std::string>(std::move(t));
    }
    static std::string upgrade(const std::string& path, const std::string& more = "") {
        return "GET " + path +
               " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
               more + "\r\n";
    }

    Mutex mutex_;
    CondVar changed_;
    int closed_ GUARDED_BY(mutex_) = 0;
    std::unique_ptr<HttpServer> server_;
    std::shared_ptr<StreamPeer> peer_ GUARDED_BY(mutex_);  // goes before its server
};

TEST_F(EventStreamTest, SendsTheHeadThenDataUntilItIsClosed) {
    RawClient client(server_->port());
    client.put("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string head = client.until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
    EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos);
    EXPECT_NE(head.find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(head.find("Content-Length"), std::string::npos);
    EXPECT_EQ(client.until("\n\n"), "data: hello\n\n");
    const auto stream = peer();
    std::string expected;
    for (int i = 0; i < 200; ++i) {
        stream->send(text("data: " + std::to_string(i) + "\n\n"));
        expected += "data: " + std::to_string(i) + "\n\n";
    }
    stream->close();
    EXPECT_EQ(client.rest(), expected) << "all that was sent before the close, in order";
    EXPECT_TRUE(wait_for_closed(1));
    stream->send(text("no client is there"));
}

TEST_F(EventStreamTest, AHeadRequestIsAnsweredWithoutAStream) {
    const RawClient client(server_->port());
    client.put("HEAD /events HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string all = client.rest();
    EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n")) << all;
    EXPECT_TRUE(all.ends_with("\r\n\r\n"));
    MutexLock lock(mutex_);
    EXPECT_EQ(peer_, nullptr);
}

TEST_F(EventStreamTest, ItsOwnerIsNotifiedWhenTheClientDisconnects) {
    {
        RawClient client(server_->port());
        client.put("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
        client.until("hello\n\n");
    }
    EXPECT_TRUE(wait_for_closed(1));
}

TEST_F(EventStreamTest, DataThatAClientDoesNotReadIsQueued) {
    RawClient client(server_->port(), 4096);
    client.put("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    client.until("hello\n\n");
    const auto stream = peer();
    const auto block = text(std::string(1024 * 1024, 'x'));
    for (int i = 0; i < 32; ++i) stream->send(block);
    EXPECT_GT(stream->queued_bytes(), 16U * 1024 * 1024);
    stream->abort();
    EXPECT_TRUE(wait_for_closed(1));
}

TEST_F(EventStreamTest, AServerThatStopsEndsItsStreams) {
    RawClient client(server_->port());
    client.put("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    client.until("hello\n\n");
    server_->stop(30s);
    EXPECT_EQ(client.rest(), "");
    MutexLock lock(mutex_);
    EXPECT_EQ(closed_, 1);
}

TEST_F(EventStreamTest, AServerThatStopsNotifiesOwnersOfWebSocketsWhoseClientsDoNotAnswer) {
    RawClient client(server_->port());
    client.put(upgrade("/"));
    client.until("\r\n\r\n");
    peer();
    server_->stop(0s);
    MutexLock lock(mutex_);
    EXPECT_EQ(closed_, 1);
}

TEST_F(EventStreamTest, AWebSocketReportsTheChosenSubprotocol) {
    RawClient client(server_->port());
    client.put(upgrade("/spoken", "Sec-WebSocket-Protocol: pricewire.v1, other\r\n"));
    const std::string head = client.until("\r\n\r\n");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
    EXPECT_NE(head.find("Sec-WebSocket-Protocol: pricewire.v1\r\n"), std::string::npos) << head;
}

TEST_F(EventStreamTest, AWebSocketIsClosedWithTheCodeAndReasonGiven) {
    RawClient client(server_->port());
    client.put(upgrade("/"));
    client.until("\r\n\r\n");
    const auto stream = peer();
    stream->send(text("bye"));
    stream->close(4401, "sign in again");
    // RFC 6455 §5.2: a text frame of three bytes, then a close frame with code and reason.
    EXPECT_EQ(client.until("again"), std::string("\x81\x03"
                                                 "bye\x88\x0f\x11\x31"
                                                 "sign in again"));
}

TEST_F(EventStreamTest, MessagesOfAClosingWebSocketAreIgnored) {
    RawClient client(server_->port(), 4096);
    client.put(upgrade("/"));
    client.until("\r\n\r\n");
    const auto stream = peer();
    // So much is queued that the close cannot be sent yet.
    const auto block = text(std::string(1024 * 1024, 'x'));
    for (int i = 0; i < 32; ++i) stream->send(block);
    stream->close(4400, "enough");
    const std::string frame("\x81\x82\0\0\0\0hi", 8);
    const std::size_t before = stream->queued_bytes();
    for (int i = 0; i < 1000; ++i) client.put(frame);
    std::this_thread::sleep_for(100ms);
    EXPECT_LE(stream->queued_bytes(), before) << "its messages are not answered";
    EXPECT_TRUE(wait_for_closed(1)) << "and it ends";
}

TEST_F(EventStreamTest, AWebSocketThatSendsNothingInTimeIsClosed) {
    RawClient client(server_->port());
    client.put(upgrade("/hurry"));
    client.until("\r\n\r\n");
    EXPECT_EQ(client.until("time").substr(2, 2), "\x03\xf0") << "1008, policy violation";
}

TEST_F(EventStreamTest, AWebSocketThatSendsSomethingInTimeStaysOpen) {
    std::optional<RawClient> client;
    // On a busy machine its text may come too late.
    for (std::string answer; !answer.ends_with("hi");) {
        client.emplace(server_->port());
        client->put(upgrade("/hurry"));
        client->until("\r\n\r\n");
        // A masked text frame "hi" with a mask of zeros.
        client->put(std::string("\x81\x82\0\0\0\0hi", 8));
        answer = client->until("hi");
    }
    std::this_thread::sleep_for(600ms);  // two looks of the server's later
    client->put(std::string("\x81\x82\0\0\0\0ho", 8));
    EXPECT_EQ(client->until("ho"), "\x81\x02ho");
}

TEST_F(EventStreamTest, AMessageToAWebSocketHasToEndInTime) {
    const auto server = create_http_server(
                            {.listen = "127.0.0.1:0", .body_timeout = 50ms},
                            [](ServerRequest&&, const HttpServer::Respond&) {},
                            [](const ServerRequest&, const std::shared_ptr<WsPeer>&) {
                                return WsHandler{.on_text = [](std::string_view) {}};
                            })
                            .value();
    RawClient client(server->port());
    client.put(upgrade("/"));
    client.until("\r\n\r\n");
    // The first fragment of a text.
    client.put(std::string("\x01\x82\0\0\0\0hi", 8));
    EXPECT_EQ(client.until("arrive").substr(0, 4), "\x88\x23\x03\xf0") << "1008, policy violation";
}

}  // namespace
}  // namespace pricewire::net
