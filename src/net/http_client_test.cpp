#include "net/http_client.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <thread>

#include "net/http_client_fixture.hpp"
#include "net/webhook_url.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;

class HttpClientTest : public ::testing::Test {
protected:
    HttpResult send(HttpRequest request) {
        std::promise<HttpResult> promise;
        auto result = promise.get_future();
        client_->start(std::move(request), [&](HttpResult r) { promise.set_value(std::move(r)); });
        return result.get();
    }
    HttpResult get(const std::string& url, Duration timeout = 20s) {
        return send({.url = url, .timeout = timeout});
    }

    std::unique_ptr<HttpClient> client_ = create_http_client({.user_agent = "Pricewire/test"});
};

TEST_F(HttpClientTest, SendsExactlyWhatItIsGivenAndReadsTheAnswer) {
    std::promise<std::string> seen;
    RawServer server([&](int fd) {
        seen.set_value(read_request(fd));
        put(fd, ok_answer);
    });
    const auto result = send({.method = "POST",
                              .url = server.url("/hook?x=1"),
                              .headers = {{"Content-Type", "application/json"}, {"webhook-id", "7"}},
                              .body = R"({"a":1})",
                              .timeout = 20s});
    EXPECT_EQ(result.error, HttpError::none) << result.error_text;
    EXPECT_EQ(result.status, 200);
    EXPECT_EQ(result.body, "hi");
    EXPECT_EQ(*result.header("x-seen"), "Yes");
    EXPECT_EQ(result.remote_ip, "127.0.0.1");
    const std::string request = seen.get_future().get();
    EXPECT_TRUE(request.starts_with("POST /hook?x=1 HTTP/1.1\r\n")) << request;
    EXPECT_TRUE(request.ends_with("\r\n\r\n{\"a\":1}")) << request;
    for (const char* header : {"webhook-id: 7\r\n", "Content-Type: application/json\r\n",
                               "User-Agent: Pricewire/test\r\n", "Content-Length: 7\r\n"}) {
        EXPECT_NE(request.find(header), std::string::npos) << header;
    }
    EXPECT_EQ(request.find("Expect"), std::string::npos);
    EXPECT_EQ(request.find("Accept-Encoding"), std::string::npos);
}

// What the receiver of a webhook sees is what was stored and is shown.
TEST_F(HttpClientTest, AWebhookUrlIsRequestedAsItIsStored) {
    std::string target;  // written before the answer, read after it
    RawServer server([&](int fd) {
        const std::string request = read_request(fd);
        target = request.substr(4, request.find(" HTTP/1.1") - 4);
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    UrlPolicy policy;
    policy.allow_http = true;
    policy.allow_ports = {{1, 65535}};
    policy.guard = allowing({"127.0.0.0/8"});
    int sent = 0;
    const auto check = [&](const std::string& rest) {
        const auto url = parse_webhook_url(server.url(rest), policy);
        if (!url) return true;
        ++sent;
        if (const auto result = get(url->url); result.status != 200) return false;
        // An empty path is requested as "/": RFC 9112, section 3.2.1.
        const std::string stored = url->url.substr(server.url("").size());
        return target == (stored.starts_with('/') ? stored : "/" + stored);
    };
    for (const char* rest : {"",
                             "/",
                             "?",
                             "?x",
                             "/?",
                             "/a/../b",
                             "/a/./b",
                             "/..",
                             "/../../b?x=../y",
                             "/a/..",
                             "/a/.",
                             "/%2e%2e/b",
                             "/a/%2E%2e/b",
                             "/a/.%2e/b",
                             "//b",
                             "/a//b/",
                             "/%41%aa%AA",
                             "/a%2fb",
                             "/a;b=1,2",
                             "/a+b?c+d=%20",
                             "/'\"<>{}|^`",
                             "/~!$&()*:@=[]",
                             "/...",
                             "/a/...?/../b",
                             "?/../b",
                             "/a?b?c",
                             "/%00",
                             "/%"}) {
        EXPECT_TRUE(check(rest)) << rest << " was requested as " << target;
    }
    EXPECT_GE(sent, 28);
    const auto piece = rc::gen::elementOf(std::vector<std::string>{
        "/", ".", "..", "%2e", "%2E", "a", "?", "//", ";", "%", "%41", "=", "&", "+", "~", "[", "{", "\""});
    EXPECT_TRUE(rc::check("stored is requested", [&] {
        const auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
        std::string rest = "/";
        for (const std::string& p : pieces) rest += p;
        RC_ASSERT(check(rest));
    }));
}

TEST_F(HttpClientTest, TheGuardRefusesAForbiddenAddressBeforeConnectingAndOnAReusedConnection) {
    RawServer server(answering(ok_answer));
    const AddressGuard closed{};
    const AddressGuard open({Network::parse("127.0.0.0/8").value()});
    auto refused = send({.url = server.url(), .timeout = 20s, .guard = &closed});
    EXPECT_EQ(refused.error, HttpError::refused_address);
    EXPECT_NE(refused.error_text.find("loopback"), std::string::npos) << refused.error_text;
    EXPECT_EQ(server.accepted(), 0);
    EXPECT_EQ(send({.url = server.url(), .timeout = 20s, .guard = &open}).status, 200);
    EXPECT_EQ(send({.url = server.url(), .timeout = 20s, .guard = &open}).status, 200);
    EXPECT_EQ(server.accepted(), 1) << "the connection is kept";
    refused = send({.url = server.url(), .timeout = 20s, .guard = &closed});
    EXPECT_EQ(refused.error, HttpError::refused_address) << refused.status;
}

TEST_F(HttpClientTest, SilentDrippingAndEndlessReceiversAreBoundedInTime) {
    std::atomic<const RawServer*> self = nullptr;
    const auto until_gone = [&](int fd, const std::string& text) {
        read_request(fd);
        while ((self == nullptr || !self.load()->stopping()) && put(fd, text))
            std::this_thread::sleep_for(20ms);
    };
    RawServer silent([&](int fd) {
        char byte = 0;
        while (recv(fd, &byte, 1, 0) > 0) {
        }
    });
    auto result = get(silent.url(), 300ms);
    // On a busy machine it may be ourselves who were late, which is said.
    while (result.error == HttpError::local) result = get(silent.url(), 300ms);
    EXPECT_EQ(result.error, HttpError::timeout);
    EXPECT_EQ(result.error_text, "no answer within 300ms");
    RawServer drip([&](int fd) { until_gone(fd, "H"); });
    self = &drip;
    EXPECT_NE(get(drip.url(), 300ms).error, HttpError::none);
    RawServer informational([&](int fd) { until_gone(fd, "HTTP/1.1 103 Early Hints\r\n\r\n"); });
    self = &informational;
    EXPECT_NE(get(informational.url(), 5s).error, HttpError::none);
}

TEST_F(HttpClientTest, LargeAnswersAreBoundedInMemory) {
    RawServer body([](int fd) {
        read_request(fd);
        if (!put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")) return;
        const std::string piece(65536, 'x');
        while (put(fd, piece)) {
        }
    });
    auto result = send({.url = body.url(), .timeout = 20s, .max_response_bytes = 1000});
    EXPECT_EQ(result.error, HttpError::none) << result.error_text;
    EXPECT_EQ(result.status, 200);
    EXPECT_TRUE(result.truncated);
    EXPECT_EQ(result.body.size(), 1000U);
    RawServer headers([](int fd) {
        read_request(fd);
        if (!put(fd, "HTTP/1.1 200 OK\r\n")) return;
        while (put(fd, "X-Filler: " + std::string(1000, 'y') + "\r\n")) {
        }
    });
    result = get(headers.url());
    EXPECT_EQ(result.error, HttpError::protocol);
    EXPECT_EQ(result.status, 0);
}

TEST_F(HttpClientTest, BrokenAnswersAreErrorsAndRedirectsAreNotFollowed) {
    for (const char* answer : {"", "garbage\r\n\r\n", "just text without HTTP", "HTTP/1.1 abc\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi"}) {
        RawServer server([answer](int fd) {
            read_request(fd);
            put(fd, answer);
        });
        EXPECT_NE(get(server.url()).error, HttpError::none) << answer;
    }
    RawServer redirect(
        answering("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"));
    const auto result = get(redirect.url());
    EXPECT_EQ(result.error, HttpError::none);
    EXPECT_EQ(result.status, 302);
}

TEST_F(HttpClientTest, AnUnreachableHostIsAnErrorWithText) {
    auto result = get("http://127.0.0.1:1/");
    EXPECT_EQ(result.error, HttpError::connect) << result.error_text;
    result = get("http://no-such-host.invalid/");
    EXPECT_EQ(result.error, HttpError::resolve) << result.error_text;
    result = get("gopher://example.com/");
    EXPECT_EQ(result.error, HttpError::bad_url) << result.error_text;
    EXPECT_FALSE(result.error_text.empty());
}

TEST_F(HttpClientTest, AProxyInTheEnvironmentIsIgnored) {
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    RawServer server(answering(ok_answer));
    EXPECT_EQ(get(server.url()).status, 200);
    unsetenv("http_proxy");
}

TEST_F(HttpClientTest, EveryRequestEndsOnceIfTheClientIsDestroyed) {
    RawServer silent([&](int fd) {
        char byte = 0;
        while (recv(fd, &byte, 1, 0) > 0) {
        }
    });
    std::atomic<int> ended = 0;
    for (int i = 0; i < 20; ++i) {
        client_->start({.url = silent.url(), .timeout = 60s}, [&](HttpResult r) {
            EXPECT_EQ(r.error, HttpError::cancelled);
            ++ended;
        });
    }
    client_.reset();
    EXPECT_EQ(ended, 20);
}

}  // namespace
}  // namespace pricewire::net
