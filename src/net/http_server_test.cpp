#include "net/http_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "base/mutex.hpp"
#include "net/event_loop.hpp"
#include "net/tls_fixture.hpp"
#include "net/ws_client.hpp"
#include "support/raw_client.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;
using test::RawClient;

std::string status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? answer.substr(9, 3) : answer;
}

class HttpServerTest : public ::testing::Test {
protected:
    void serve(ServerOptions options = {}, HttpServer::UpgradeHandler upgrade = {}) {
        options.listen = "127.0.0.1:0";
        auto made = create_http_server(
            options,
            [this](ServerRequest&& request, HttpServer::Respond respond) {
                if (request.path == "/later") {
                    MutexLock lock(mutex_);
                    later_.push_back(std::move(respond));
                } else if (request.path == "/throw") {
                    throw std::runtime_error("oh");
                } else if (request.path == "/host") {
                    respond({.content_type = "text/plain", .body = "host " + request.host});
                } else if (request.path != "/drop") {
                    respond({.content_type = "text/plain",
                             .body = request.method + " " + request.path + "?" + request.query + " " +
                                     request.body});
                }
            },
            std::move(upgrade));
        ASSERT_TRUE(made) << made.error().message;
        server_ = std::move(*made);
    }
    RawClient client() const { return RawClient(server_->port()); }
    std::string once(const std::string& bytes) const {
        const RawClient c(server_->port());
        c.put(bytes);
        c.end();
        return c.rest();
    }
    void wait_for_later(std::size_t count = 1) {
        while (true) {
            MutexLock lock(mutex_);
            if (later_.size() >= count) return;
        }
    }
    void answer_later(ServerResponse response) {
        MutexLock lock(mutex_);
        later_.back()(std::move(response));
        later_.clear();
    }

    Mutex mutex_;
    std::vector<HttpServer::Respond> later_ GUARDED_BY(mutex_);
    std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
    serve();
    RawClient c(server_->port());
    for (int i = 0; i < 2000; ++i) {
        c.put("GET /a/" + std::to_string(i) + "?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
        const std::string answer = c.answer();
        ASSERT_EQ(status_of(answer), "200") << i;
        ASSERT_TRUE(answer.ends_with("GET /a/" + std::to_string(i) + "?x=1 ")) << answer;
    }
    c.put("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
    EXPECT_TRUE(c.rest().ends_with("POST /b? hello"));
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
    serve();
    RawClient c(server_->port());
    std::string all;
    for (int i = 0; i < 100; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    c.put(all);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(c.answer().ends_with("GET /" + std::to_string(i) + "? "));
}

TEST_F(HttpServerTest, OneThatPipelinesLetsOthersHaveTheirTurn) {
    std::promise<void> began, go_on;
    std::vector<std::string> served;  // on the server's only thread
    const auto server =
        create_http_server({.listen = "127.0.0.1:0", .threads = 1}, [&](ServerRequest&& request,
                                                                        HttpServer::Respond respond) {
            if (request.path == "/first") {
                began.set_value();
                go_on.get_future().wait();
            }
            served.push_back(request.path);
            respond({.body = "{}"});
        }).value();
    RawClient other(server->port());
    other.put("GET /accepted HTTP/1.1\r\nHost: h\r\n\r\n");
    other.answer();
    RawClient many(server->port());
    std::string all = "GET /first HTTP/1.1\r\nHost: h\r\n\r\n";
    for (int i = 0; i < 99; ++i) all += "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    many.put(all);
    began.get_future().wait();
    other.put("GET /other HTTP/1.1\r\nHost: h\r\n\r\n");
    go_on.set_value();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(status_of(many.answer()), "200");
    EXPECT_EQ(status_of(other.answer()), "200");
    server->stop(30s);
    const auto turn = std::ranges::find(served, "/other") - served.begin();
    EXPECT_LT(turn, 50) << "of 102 requests";
}

TEST_F(HttpServerTest, UnderstandsChunksHeadOldVersionsAndAbsoluteTargets) {
    serve();
    EXPECT_TRUE(once("POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                    .ends_with("POST /c? abcde"));
    const std::string head = once("HEAD /d HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_NE(head.find("Content-Length: 9\r\n"), std::string::npos) << head;
    EXPECT_TRUE(head.ends_with("\r\n\r\n"));
    EXPECT_TRUE(once("GET /e HTTP/1.0\r\n\r\n").ends_with("GET /e? "));
    EXPECT_TRUE(once("GET http://h/f?y HTTP/1.1\r\nHost: h\r\n\r\n").ends_with("GET /f?y "));
    RawClient c(server_->port());
    for (const std::string expect : {"100-continue", "100-Continue"}) {
        c.put("POST /g HTTP/1.1\r\nHost: h\r\nExpect: " + expect + "\r\nContent-Length: 2\r\n\r\n");
        EXPECT_EQ(status_of(c.answer()), "100");
        c.put("o");
        c.put("k");
        EXPECT_TRUE(c.answer().ends_with("POST /g? ok"));
    }
}

TEST_F(HttpServerTest, TellsTheHostThatIsAskedFor) {
    serve();
    const auto host = [&](const std::string& target, const std::string& sent) {
        const std::string answer = once("GET " + target + " HTTP/1.1\r\nHost: " + sent + "\r\n\r\n");
        return answer.substr(answer.rfind("host ") + 5);
    };
    EXPECT_EQ(host("/host", "Prices.Example"), "prices.example");
    EXPECT_EQ(host("/host", "Prices.Example:8000"), "prices.example");
    EXPECT_EQ(host("/host", "[FD00::1]:8000"), "fd00::1");
    EXPECT_EQ(host("http://real.example:80/host", "other.example"), "real.example")
        << "an absolute target replaces the Host header";
}

TEST_F(HttpServerTest, EveryInputHasALimitAndAnAnswer) {
    serve({.max_header_bytes = 1024, .max_body_bytes = 100});
    const auto status = [&](const std::string& bytes) { return status_of(once(bytes)); };
    EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(2000, 'x') + "\r\n\r\n"), "431");
    EXPECT_EQ(status("GET /" + std::string(2000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n"), "431");
    EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x')),
              "413");
    EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                     std::string(101, 'x') + "\r\n0\r\n\r\n"),
              "413");
    EXPECT_EQ(status("garbage\r\n\r\n"), "400");
    EXPECT_EQ(status("GET / HTTP/1.1\r\nBad Header: x\r\n\r\n"), "400");
    EXPECT_EQ(
        status(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        "400");
    EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"), "400");
    EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nshort"), "400");
    EXPECT_EQ(once(""), "");
}

TEST_F(HttpServerTest, SlowClientsAreCut) {
    serve({.header_timeout = 200ms, .body_timeout = 200ms});
    RawClient header(server_->port());
    header.put("GET / HTTP/1.1\r\nHos");
    EXPECT_EQ(status_of(header.rest()), "408");
    RawClient body(server_->port());
    body.put("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
    EXPECT_EQ(status_of(body.rest()), "408");
}

TEST_F(HttpServerTest, WhatFollowsARequestThatCameTooLateIsNotServed) {
    serve({.header_timeout = 100ms});
    RawClient c(server_->port());
    c.put("GET / HTTP/1.1\r\nHos");
    EXPECT_EQ(status_of(c.answer()), "408");
    c.put("t: h\r\n\r\n");
    EXPECT_EQ(c.rest(), "");
}

TEST_F(HttpServerTest, AtTheLimitTheConnectionThatHasWaitedLongestMakesRoom) {
    serve({.threads = 1, .max_connections = 2});  // which reads in order
    RawClient a(server_->port());
    RawClient b(server_->port());
    for (RawClient* c : {&a, &b}) {
        c->put("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(status_of(c->answer()), "200");
    }
    b.put("GET / HT");
    RawClient third(server_->port());
    EXPECT_EQ(a.rest(), "") << "the one that has been idle longest";
    third.put("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(third.answer()), "200");
    RawClient fourth(server_->port());
    EXPECT_EQ(b.rest(), "") << "half a request is no better";
}

TEST_F(HttpServerTest, IdleConnectionsKeepNobodyOut) {
    Mutex mutex;
    std::map<std::string, int> cuts;
    serve({.max_connections = 50, .cut = [&](std::string_view reason) {
               MutexLock lock(mutex);
               ++cuts[std::string(reason)];
           }});
    std::vector<std::unique_ptr<RawClient>> idle;
    for (int i = 0; i < 500; ++i) idle.push_back(std::make_unique<RawClient>(server_->port()));
    for (int i = 0; i < 20; ++i) {
        RawClient c(server_->port());
        c.put("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(status_of(c.answer()), "200") << i;
    }
    MutexLock lock(mutex);
    EXPECT_GE(cuts["full"], 450);
}

TEST_F(HttpServerTest, WhileAllAreBeingServedOnlyHealthIsAnswered) {
    serve({.max_connections = 2, .is_health = [](std::string_view path) { return path == "/health"; }});
    RawClient a(server_->port());
    RawClient b(server_->port());
    for (RawClient* c : {&a, &b}) c->put("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_later(2);
    EXPECT_EQ(status_of(once("GET / HTTP/1.1\r\nHost: h\r\n\r\n")), "503");
    const std::string health = once("GET /health HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(health), "200");
    EXPECT_NE(health.find("Connection: close"), std::string::npos) << health;
    answer_later({.status = 202});
    // Either may have come last; the other one's answer is dropped.
    const std::set<std::string> answers{status_of(a.answer()), status_of(b.answer())};
    EXPECT_EQ(answers, (std::set<std::string>{"202", "500"})) << "both were being served";
}

TEST_F(HttpServerTest, ClientsThatDoNotReadKeepNobodyOut) {
    // More than the kernel takes for a client.
    const auto large = std::make_shared<const std::string>(16 << 20, 'x');
    const auto server =
        create_http_server({.listen = "127.0.0.1:0", .max_connections = 5}, [&](ServerRequest&& request,
                                                                                HttpServer::Respond respond) {
            ServerResponse response;
            if (request.path == "/large") response.shared_body = large;
            respond(std::move(response));
        }).value();
    std::vector<std::unique_ptr<RawClient>> unread;
    for (int i = 0; i < 15; ++i) {
        unread.push_back(std::make_unique<RawClient>(server->port(), 2048));
        unread.back()->put("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
        RawClient c(server->port());
        c.put("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        ASSERT_EQ(status_of(c.answer()), "200") << i;
    }
}

TEST_F(HttpServerTest, TheFirstRequestIsDueSoonerThanTheNextOnes) {
    std::atomic<int> silent = 0;
    serve(
        {.first_byte_timeout = 100ms, .cut = [&](std::string_view reason) { silent += reason == "silent"; }});
    const auto get = [](RawClient& c) {
        c.put("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        return status_of(c.answer());
    };
    // On a busy machine the first request may come too late.
    std::optional<RawClient> quick;
    do quick.emplace(server_->port());
    while (get(*quick) != "200");
    silent = 0;
    RawClient idle(server_->port());
    EXPECT_EQ(idle.rest(), "");
    EXPECT_EQ(silent, 1);
    EXPECT_EQ(get(*quick), "200") << "idle for longer, after an answer";
}

TEST_F(HttpServerTest, AnswersMayComeLaterFromAnotherThreadOrNever) {
    serve();
    RawClient c(server_->port());
    c.put("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    std::thread([this] {
        wait_for_later();
        answer_later({.status = 202, .content_type = "text/plain", .body = "late"});
    }).join();
    EXPECT_EQ(status_of(c.answer()), "202");
    c.put("GET /drop HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(c.answer()), "500");
    c.put("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(c.answer()), "500");
    {
        RawClient gone(server_->port());
        gone.put("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_for_later();
    }
    answer_later({.status = 202});
}

TEST_F(HttpServerTest, AnAnswerAfterTheServersEndIsIgnored) {
    serve();
    RawClient c(server_->port());
    c.put("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_later();
    server_.reset();
    answer_later({.status = 200});
    EXPECT_EQ(c.rest(), "");
}

TEST_F(HttpServerTest, StoppingWaitsForARequestInProgress) {
    serve();
    RawClient c(server_->port());
    c.put("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_later();
    std::thread stopper([this] { server_->stop(30s); });
    std::this_thread::sleep_for(50ms);
    answer_later({.status = 200, .content_type = "text/plain", .body = "done"});
    EXPECT_TRUE(c.rest().ends_with("done"));
    stopper.join();
}

class WebSocketTest : public HttpServerTest {
protected:
    void SetUp() override {
        serve({}, [this](const ServerRequest& request, std::shared_ptr<WsPeer> peer) {
            WsHandler handler;
            if (request.path == "/limited") {
                handler.refusal =
                    ServerResponse{.status = 429, .headers = {{"Retry-After", "7"}}, .body = "slow down"};
            } else if (request.path == "/echo") {
                handler.on_text = [peer](std::string_view text) {
                    if (text == "close") {
                        peer->close();
                    } else if (text == "abort") {
                        peer->abort();
                    } else if (text == "binary") {
                        peer->send_binary(std::string("\0\x1f", 2));
                    } else {
                        peer->send_text(std::string(text));
                    }
                };
                handler.on_close = [this] { ++closed_; };
            }
            return handler;
        });
    }
    // What its connections call at their end is a member of this.
    void TearDown() override { server_.reset(); }
    std::string url(const std::string& path) const {
        return "ws://127.0.0.1:" + std::to_string(server_->port()) + path;
    }

    // Runs one connection until it receives `last` or ends; returns what was received, in order.
    std::string talk(const std::string& to, const std::vector<std::string>& messages,
                     const std::string& last = "\n") {
        return talk(WsClientOptions{.url = to}, messages, last);
    }
    std::string talk(const WsClientOptions& options, const std::vector<std::string>& messages,
                     const std::string& last) {
        const auto loop = create_event_loop();
        std::string got;
        std::unique_ptr<WsClient> socket;
        loop->post([&] {
            socket = open_websocket(
                *loop, options,
                {.on_open =
                     [&] {
                         for (const auto& m : messages) socket->send_text(m);
                     },
                 .on_text =
                     [&](std::string_view text) {
                         got += std::string(text.substr(0, 20)) + ";";
                         if (text == last) {
                             socket.reset();  // within its own callback
                             loop->stop();
                         }
                     },
                 .on_binary =
                     [&](std::string_view bytes) { got += std::to_string(bytes.size()) + " bytes;"; },
                 .on_ping = {},
                 .on_closed =
                     [&](const WsClosed& c) {
                         got += "closed " + std::to_string(c.http_status) + " " + c.retry_after + c.body;
                         loop->stop();
                     }});
        });
        loop->run();
        return got;
    }
    std::atomic<int> closed_ = 0;
};

TEST_F(WebSocketTest, EchoesInOrderAndIsClosedByEitherSide) {
    EXPECT_EQ(talk(url("/echo"), {"a", "b", std::string(60'000, 'c'), "d"}, "d"),
              "a;b;cccccccccccccccccccc;d;");
    EXPECT_TRUE(talk(url("/echo"), {"x", "close"}).starts_with("x;closed 0"));
    EXPECT_TRUE(talk(url("/echo"), {"abort"}).starts_with("closed 0"));
    EXPECT_TRUE(talk(url("/echo"), {std::string(100'000, 'z')}).starts_with("closed 0"))
        << "a message over the limit";
    server_->stop(5s);
    EXPECT_EQ(closed_, 4);
}

TEST_F(WebSocketTest, BinaryMessagesAreDistinguishedFromText) {
    EXPECT_EQ(talk(url("/echo"), {"a", "binary", "b"}, "b"), "a;2 bytes;b;");
}

TEST_F(WebSocketTest, ARefusalHasItsStatusAndRetryAfter) {
    EXPECT_EQ(talk(url("/limited"), {}), "closed 429 7slow down");
    EXPECT_TRUE(talk(url("/nothing"), {}).starts_with("closed 404"));
    EXPECT_TRUE(talk("ws://127.0.0.1:1/", {}).starts_with("closed 0"));
    EXPECT_TRUE(talk("http://not-a-websocket/", {}).starts_with("closed 0"));
}

TEST_F(WebSocketTest, AnUpgradeWithABodyOrBytesAfterItIsRefused) {
    const std::string upgrade =
        "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_EQ(status_of(once(upgrade + "Content-Length: 5\r\n\r\nhello")), "400");
    EXPECT_EQ(status_of(once(upgrade + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")), "400");
    EXPECT_EQ(status_of(once(upgrade + "\r\n" + hidden)), "400");
    RawClient c(server_->port());
    c.put(upgrade + "Content-Length: 0\r\n\r\n");
    EXPECT_EQ(status_of(c.until("\r\n\r\n")), "101");
}

TEST_F(WebSocketTest, SpeaksTlsWithAServerThatProvesItsName) {
    const TlsFixture tls;
    const auto talk_to = [&](const std::string& names, const std::string& ca_file, bool verify = true,
                             const std::string& last = "d") {
        RawServer front(tls.forwarding(names, server_->port()));
        return talk(WsClientOptions{.url = "wss://localhost:" + std::to_string(front.port()) + "/echo",
                                    .verify_tls = verify,
                                    .ca_file = ca_file},
                    {"a", std::string(60'000, 'c'), "binary", last}, last);
    };
    const std::string echoed = "a;cccccccccccccccccccc;2 bytes;";
    EXPECT_EQ(talk_to("DNS:localhost", tls.ca_file()), echoed + "d;");
    EXPECT_TRUE(talk_to("DNS:localhost", tls.ca_file(), true, "close").starts_with(echoed + "closed 0"));
    EXPECT_TRUE(talk_to("DNS:other.test", tls.ca_file()).starts_with("closed 0"));
    EXPECT_TRUE(talk_to("DNS:localhost", "").starts_with("closed 0")) << "an unknown authority";
    EXPECT_EQ(talk_to("DNS:other.test", "", false), echoed + "d;");
}

TEST(WsClient, DoesNotConnectOnceItIsDropped) {
    RawServer server([](int) {});
    const WsClientOptions options{.url = "ws://127.0.0.1:" + std::to_string(server.port()) + "/"};
    const auto loop = create_event_loop();
    std::unique_ptr<WsClient> next;
    loop->post([&] {
        auto dropped = open_websocket(*loop, options, {});
        // By then the host is resolved, and the answer waits for this task to end.
        std::this_thread::sleep_for(200ms);
        dropped.reset();
        WsClientHandler handler;
        handler.on_closed = [&](const WsClosed&) { loop->stop(); };
        next = open_websocket(*loop, options, std::move(handler));
    });
    loop->run();
    EXPECT_EQ(server.accepted(), 1);
}

TEST(EventLoop, RunsTasksInOrderAndTimersByTime) {
    const auto loop = create_event_loop();
    std::string order;
    std::thread other([&] {
        loop->post([&] {
            order += "a";
            const auto cancelled = loop->after(1ms, [&] { order += "never"; });
            loop->after(30ms, [&] {
                order += "d";
                loop->stop();
            });
            loop->after(5ms, [&] { order += "c"; });
            loop->cancel(cancelled);
        });
        loop->post([&] { order += "b"; });
        loop->post([] { throw std::runtime_error("a task that fails harms no other"); });
    });
    loop->run();
    other.join();
    EXPECT_EQ(order, "abcd");
}

}  // namespace
}  // namespace pricewire::net
