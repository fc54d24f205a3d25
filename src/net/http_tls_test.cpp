// Receivers with valid, invalid and broken TLS.
#include <gtest/gtest.h>

#include "net/dns_fixture.hpp"
#include "net/http_client_fixture.hpp"
#include "net/tls_fixture.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;

class HttpTlsTest : public ::testing::Test {
protected:
    void SetUp() override { dns_.set("hook.test", {.answers = {{"127.0.0.1"}}}); }
    HttpResult get(const RawServer& server, Duration timeout = 60s, bool verify = true) {
        return send_by(*client_, {.url = "https://hook.test:" + std::to_string(server.port()) + "/",
                                  .timeout = timeout,
                                  .verify_tls = verify});
    }

    DnsFixture dns_;
    TlsFixture tls_;
    std::unique_ptr<HttpClient> client_ =
        create_http_client({.dns_servers = {dns_.address()}, .ca_file = tls_.ca_file()});
};

TEST_F(HttpTlsTest, ATrustedCertificateIsAcceptedAndTheHandshakeTimed) {
    RawServer server(tls_.serving("DNS:hook.test", 3600, ok_answer));
    const auto first = get(server);
    ASSERT_EQ(first.status, 200) << first.error_text;
    EXPECT_EQ(first.body, "hi");
    EXPECT_TRUE(first.times.dns && first.times.connect && first.times.tls && first.times.first_byte);
    EXPECT_LE(*first.times.dns + *first.times.connect + *first.times.tls + *first.times.first_byte,
              first.duration);
    const auto second = get(server);
    ASSERT_EQ(second.status, 200) << second.error_text;
    EXPECT_EQ(server.accepted(), 1);
    EXPECT_FALSE(second.times.connect || second.times.tls);
}

TEST_F(HttpTlsTest, InvalidCertificatesAreTlsErrors) {
    const std::string closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    RawServer expired(tls_.serving("DNS:hook.test", -3600, closing));
    RawServer other(tls_.serving("DNS:other.test,IP:127.0.0.1", 3600, closing));
    const TlsFixture stranger;
    RawServer untrusted(stranger.serving("DNS:hook.test", 3600, closing));
    for (const auto& [server, words] :
         {std::pair{&expired, "expired"}, {&other, "hook.test"}, {&untrusted, "certificate"}}) {
        const auto result = get(*server);
        EXPECT_EQ(result.error, HttpError::tls);
        EXPECT_NE(result.error_text.find(words), std::string::npos) << result.error_text;
        EXPECT_EQ(result.remote_ip, "127.0.0.1");
        EXPECT_TRUE(result.times.connect);
        EXPECT_FALSE(result.times.tls) << "the handshake did not end";
        EXPECT_EQ(get(*server, 60s, false).status, 200) << "without verification";
    }
}

TEST_F(HttpTlsTest, AnUnknownAuthorityIsNotTrustedByDefault) {
    RawServer server(tls_.serving("DNS:hook.test", 3600, ok_answer));
    client_ = create_http_client({.dns_servers = {dns_.address()}});
    EXPECT_EQ(get(server).error, HttpError::tls);
}

TEST_F(HttpTlsTest, HandshakesThatHangOrBreakAreErrors) {
    RawServer silent([](int fd) {
        char byte = 0;
        while (recv(fd, &byte, 1, 0) > 0) {
        }
    });
    auto result = get(silent, 300ms);
    EXPECT_EQ(result.error, HttpError::timeout);
    EXPECT_TRUE(result.times.connect);
    EXPECT_FALSE(result.times.tls);
    RawServer plain([](int fd) { put(fd, ok_answer); });
    EXPECT_EQ(get(plain).error, HttpError::tls);
    RawServer reset([](int fd) {
        char byte = 0;
        recv(fd, &byte, 1, 0);
        const linger hard{1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    });
    result = get(reset);
    EXPECT_TRUE(result.error == HttpError::tls || result.error == HttpError::protocol)
        << to_string(result.error);
    EXPECT_FALSE(result.error_text.empty());
}

}  // namespace
}  // namespace pricewire::net
