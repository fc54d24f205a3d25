// How the client resolves names, and which addresses it accepts.
#include <gtest/gtest.h>

#include "net/dns_fixture.hpp"
#include "net/http_client_fixture.hpp"
#include "net/resolver.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;

class HttpNamesTest : public ::testing::Test {
protected:
    HttpResult get(const std::string& url, const AddressGuard* guard = nullptr, Duration timeout = 30s) {
        return send_by(*client_, {.url = url, .timeout = timeout, .guard = guard});
    }
    static std::string url(const std::string& host, std::uint16_t port) {
        return "http://" + host + ":" + std::to_string(port) + "/";
    }

    DnsFixture dns_;
    std::unique_ptr<HttpClient> client_ = create_http_client({.dns_servers = {dns_.address()}});
};

TEST_F(HttpNamesTest, ANameIsResolvedOnceWhileItsAnswerIsValid) {
    RawServer server(answering(ok_answer));
    dns_.set("hook.test", {.answers = {{"127.0.0.1"}}});
    auto result = get(url("Hook.Test", server.port()));
    EXPECT_EQ(result.status, 200) << result.error_text;
    EXPECT_EQ(result.remote_ip, "127.0.0.1");
    EXPECT_TRUE(result.times.dns);
    for (int i = 0; i < 20; ++i) {
        result = get(url("hook.test", server.port()));
        EXPECT_EQ(result.status, 200);
        EXPECT_FALSE(result.times.dns) << "answered from the cache";
    }
    EXPECT_EQ(dns_.asked("hook.test"), 1);
    for (int i = 0; i < 2; ++i) {
        result = get(url("unknown.test", server.port()));
        EXPECT_EQ(result.error, HttpError::resolve);
        EXPECT_EQ(result.error_text, "could not resolve host unknown.test: no such name");
    }
    EXPECT_EQ(dns_.asked("unknown.test"), 1) << "failures are cached, too";
}

TEST_F(HttpNamesTest, ANameVettedWithAPublicAddressAndThenMovedToThisMachineIsRefused) {
    RawServer server(answering(ok_answer));
    dns_.set("rebind.test", {.answers = {{"93.184.216.34"}, {"127.0.0.1"}}, .ttl = 0});
    const AddressGuard guard;
    const auto vetted = resolve("rebind.test", 30'000, std::vector{dns_.address()});
    ASSERT_TRUE(vetted);
    ASSERT_EQ(vetted->size(), 1U);
    EXPECT_FALSE(guard.refuses(vetted->front())) << "the vetted address is allowed";
    const auto result = get(url("rebind.test", server.port()), &guard);
    EXPECT_EQ(result.error, HttpError::refused_address);
    EXPECT_NE(result.error_text.find("127.0.0.1"), std::string::npos) << result.error_text;
    EXPECT_EQ(server.accepted(), 0);
}

TEST_F(HttpNamesTest, OneForbiddenAddressAmongAllowedOnesRefusesTheRequest) {
    RawServer server(answering(ok_answer), "127.0.0.2");
    dns_.set("mixed.test", {.answers = {{"127.0.0.2", "127.0.0.3"}}});
    dns_.set("six.test", {.answers = {{"127.0.0.2", "fe80::1"}}});
    dns_.set("fine.test", {.answers = {{"127.0.0.2"}}});
    const AddressGuard guard = allowing({"127.0.0.2"});
    for (const char* host : {"mixed.test", "six.test"}) {
        EXPECT_EQ(get(url(host, server.port()), &guard).error, HttpError::refused_address) << host;
    }
    EXPECT_EQ(server.accepted(), 0);
    EXPECT_EQ(get(url("fine.test", server.port()), &guard).status, 200);
}

TEST_F(HttpNamesTest, AKeptConnectionIsNotUsedOnceItsNameIsRefused) {
    RawServer server(answering(ok_answer), "127.0.0.2");
    dns_.set("moving.test", {.answers = {{"127.0.0.2"}, {"127.0.0.1"}}, .ttl = 0});
    const AddressGuard guard = allowing({"127.0.0.2"});
    EXPECT_EQ(get(url("moving.test", server.port()), &guard).status, 200);
    HttpResult result;
    for (int i = 0; i < 300; ++i) {
        result = get(url("moving.test", server.port()), &guard);
        if (result.error != HttpError::none) break;
        std::this_thread::sleep_for(100ms);
    }
    EXPECT_EQ(result.error, HttpError::refused_address) << "until the name is resolved again";
    EXPECT_EQ(server.accepted(), 1);
}

TEST_F(HttpNamesTest, AKeptConnectionIsJudgedByItsOwnAddress) {
    RawServer server(answering(ok_answer), "127.0.0.2");
    dns_.set("moving.test", {.answers = {{"127.0.0.2"}, {"127.0.0.3"}}, .ttl = 0});
    const AddressGuard both = allowing({"127.0.0.2", "127.0.0.3"}), later = allowing({"127.0.0.3"});
    EXPECT_EQ(get(url("moving.test", server.port()), &both).status, 200);
    for (int i = 0; i < 300 && dns_.asked("moving.test") < 2; ++i) {
        std::this_thread::sleep_for(100ms);
        EXPECT_EQ(get(url("moving.test", server.port()), &both).status, 200) << "the connection is kept";
    }
    const auto result = get(url("moving.test", server.port()), &later);
    EXPECT_EQ(result.error, HttpError::refused_address) << result.status;
    EXPECT_EQ(server.accepted(), 1);
}

TEST_F(HttpNamesTest, ANameThatMovesIsFollowedAndNoOldAddressIsUsed) {
    const std::string closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    const auto once = [closing](int fd) {
        read_request(fd);
        put(fd, closing);
    };
    RawServer first(once, "127.0.0.2");
    RawServer second(once, "127.0.0.3", first.port());
    dns_.set("moving.test", {.answers = {{"127.0.0.2"}, {"127.0.0.3"}}, .ttl = 0});
    dns_.set("other.test", {.answers = {{"127.0.0.2"}}});
    std::string used;
    for (int i = 0; i < 300 && used != "127.0.0.3"; ++i) {
        used = get(url("moving.test", first.port())).remote_ip;
        EXPECT_EQ(get(url("other.test", first.port())).remote_ip, "127.0.0.2");
        std::this_thread::sleep_for(50ms);
    }
    EXPECT_EQ(used, "127.0.0.3");
    const int before = first.accepted();
    EXPECT_EQ(get(url("moving.test", first.port())).remote_ip, "127.0.0.3");
    EXPECT_EQ(first.accepted(), before);
}

TEST_F(HttpNamesTest, OneNameIsUsedWithEachGuardAndPort) {
    RawServer one(answering(ok_answer), "127.0.0.2"), two(answering(ok_answer), "127.0.0.2");
    dns_.set("hook.test", {.answers = {{"127.0.0.2"}}});
    const AddressGuard open = allowing({"127.0.0.2"}), closed;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(get(url("hook.test", one.port()), &open).status, 200);
        EXPECT_EQ(get(url("hook.test", one.port()), &closed).error, HttpError::refused_address);
        EXPECT_EQ(get(url("hook.test", two.port())).status, 200);
    }
    EXPECT_EQ(one.accepted(), 1);
    EXPECT_EQ(dns_.asked("hook.test"), 1);
}

TEST_F(HttpNamesTest, ASilentNameServerDelaysOnlyRequestsThatNeedIt) {
    CrowdServer server(ok_answer);
    dns_.set("silent.test", {.silent = true});
    Results silent, others;
    for (int i = 0; i < 50; ++i) {
        client_->start({.url = url("silent.test", server.port()), .timeout = 600s}, silent.one());
    }
    for (int i = 0; i < 100; ++i) client_->start({.url = server.url(), .timeout = 60s}, others.one());
    for (const HttpResult& result : others.wait_for(100)) EXPECT_EQ(result.status, 200) << result.error_text;
    EXPECT_EQ(others.size(), 100U);
    auto late = get(url("silent.test", server.port()), nullptr, 200ms);
    EXPECT_EQ(late.error, HttpError::timeout);
    EXPECT_EQ(late.error_text, "host silent.test was not resolved within 200ms");
    EXPECT_FALSE(late.times.dns);
    // The look-up itself times out later than the requests.
    for (const HttpResult& result : silent.wait_for(50)) {
        EXPECT_EQ(result.error, HttpError::resolve);
        EXPECT_EQ(result.error_text, "could not resolve host silent.test: no name server answers for it");
        EXPECT_TRUE(result.times.dns);
    }
    EXPECT_EQ(silent.size(), 50U);
    EXPECT_EQ(dns_.asked("silent.test"), 3) << "one look-up with three tries for all requests";
}

TEST_F(HttpNamesTest, NamesThatNobodyAnswersForDelayNoOtherHoweverMany) {
    CrowdServer server(ok_answer);
    dns_.set("hook.test", {.answers = {{"127.0.0.1"}}});
    Results never;
    const auto client = create_http_client({.max_connections = 1500, .dns_servers = {dns_.address()}});
    for (int i = 0; i < 1400; ++i) {
        const std::string host = "silent" + std::to_string(i) + ".test";
        dns_.set(host, {.silent = true});
        client->start({.url = url(host, 80), .timeout = 600s}, never.one());
    }
    const auto result = send_by(*client, {.url = url("hook.test", server.port()), .timeout = 60s});
    EXPECT_EQ(result.status, 200) << result.error_text;
    EXPECT_EQ(never.size(), 0U) << "it did not wait for their end";
}

TEST_F(HttpNamesTest, LocalhostIsNeverLookedUp) {
    CrowdServer server(ok_answer);
    dns_.set("localhost", {.answers = {{"192.0.2.1"}}});
    const AddressGuard open = allowing({"127.0.0.0/8"}), closed;
    for (const char* host : {"localhost", "LOCALHOST", "hook.localhost", "localhost."}) {
        auto result = get(url(host, server.port()), &open);
        EXPECT_EQ(result.status, 200) << host << ": " << result.error_text;
        EXPECT_FALSE(result.times.dns);
        EXPECT_EQ(get(url(host, server.port()), &closed).error, HttpError::refused_address) << host;
    }
    EXPECT_EQ(dns_.asked("localhost"), 0);
}

TEST_F(HttpNamesTest, TheNextAddressIsTriedIfOneDoesNotListen) {
    RawServer server(answering(ok_answer), "127.0.0.3");
    dns_.set("two.test", {.answers = {{"127.0.0.2", "127.0.0.3"}}});
    const auto result = get(url("two.test", server.port()));
    EXPECT_EQ(result.status, 200) << result.error_text;
    EXPECT_EQ(result.remote_ip, "127.0.0.3");
}

TEST_F(HttpNamesTest, AnInvalidHostNameIsNotLookedUp) {
    for (const char* host : {"*", "exa%20mple.test",
                             "b\xc3\xbc"
                             "cher.test",
                             "a,b.test"}) {
        EXPECT_EQ(get(url(host, 80)).error, HttpError::bad_url) << host;
    }
    EXPECT_EQ(get(url(std::string(254, 'a'), 80)).error, HttpError::bad_url);
    EXPECT_EQ(get("http://[fe80::1%25lo]/").error, HttpError::bad_url);
    EXPECT_EQ(get(url(std::string(70, 'a') + ".test", 80)).error, HttpError::resolve);
}

TEST(HttpNames, AnInvalidServerIsRefusedAtOnce) {
    EXPECT_THROW(create_http_client({.dns_servers = {"dns.example"}}), std::runtime_error);
}

}  // namespace
}  // namespace pricewire::net
