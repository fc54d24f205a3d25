// What this machine lacks is told apart from what a receiver or a name does wrong.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>

#include "net/dns_fixture.hpp"
#include "net/http_client_fixture.hpp"
#include "net/local_failures.hpp"
#include "net/tls_fixture.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;

// What a failure of our own looks like.
void expect_ours(const HttpResult& result, LocalCause cause) {
    EXPECT_EQ(result.error, HttpError::local) << to_string(result.error) << ": " << result.error_text;
    EXPECT_EQ(result.local, cause) << result.error_text;
    EXPECT_EQ(result.error_text, "Pricewire itself could not send: " + std::string(row_of(cause).words));
    EXPECT_EQ(result.status, 0);
}

// The process may open no further file while this exists.
class NoFilesLeft {
public:
    NoFilesLeft() {
        getrlimit(RLIMIT_NOFILE, &before_);
        const int lowest_free = dup(0);
        close(lowest_free);
        rlimit none = before_;
        none.rlim_cur = static_cast<rlim_t>(lowest_free);
        setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoFilesLeft() { setrlimit(RLIMIT_NOFILE, &before_); }
    NoFilesLeft(const NoFilesLeft&) = delete;
    NoFilesLeft& operator=(const NoFilesLeft&) = delete;

private:
    rlimit before_{};
};

TEST(HttpLack, WithoutAFreeFileRequestsFailForUsAndSucceedAfterwards) {
    RawServer server(answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    DnsFixture dns;
    dns.set("hook.test", {.answers = {{"127.0.0.1"}}});
    const std::string named = "http://hook.test:" + std::to_string(server.port()) + "/";
    const auto client = create_http_client({.dns_servers = {dns.address()}});
    const std::uint64_t before = local_failures().count(LocalCause::files);
    {
        const NoFilesLeft limit;
        expect_ours(send_by(*client, {.url = server.url(), .timeout = 60s}), LocalCause::files);
        expect_ours(send_by(*client, {.url = named, .timeout = 60s}), LocalCause::files);
    }
    EXPECT_EQ(local_failures().count(LocalCause::files), before + 2);
    EXPECT_EQ(send_by(*client, {.url = server.url(), .timeout = 60s}).status, 200);
    HttpResult result;
    for (int i = 0; i < 300 && result.status != 200; ++i) {
        result = send_by(*client, {.url = named, .timeout = 60s});
        std::this_thread::sleep_for(50ms);
    }
    EXPECT_EQ(result.status, 200) << result.error_text;
    EXPECT_EQ(server.accepted(), 2);
}

TEST(HttpLack, ErrorsOfASocketThatCannotBeOpenedAreOurs) {
    RawServer server(answering(ok_answer));
    int error = 0;
    const auto client = create_http_client({.on_socket = [&](int) { return error; }});
    for (const auto& [number, cause] : {std::pair{EMFILE, LocalCause::files},
                                        {ENFILE, LocalCause::files},
                                        {ENOBUFS, LocalCause::memory},
                                        {ENOMEM, LocalCause::memory},
                                        {EPERM, LocalCause::permission}}) {
        error = number;
        expect_ours(send_by(*client, {.url = server.url(), .timeout = 60s}), cause);
    }
    error = 0;
    EXPECT_EQ(send_by(*client, {.url = server.url(), .timeout = 60s}).status, 200);
}

// The only port that the socket may use is taken by a connection to the same place.
TEST(HttpLack, WithoutAFreePortRequestsFailForUs) {
    RawServer server(answering(ok_answer));
    const int taken = connect_to(server.port());
    ASSERT_GE(taken, 0);
    sockaddr_in own{};
    socklen_t size = sizeof own;
    ASSERT_EQ(getsockname(taken, reinterpret_cast<sockaddr*>(&own), &size), 0);
    constexpr int ip_local_port_range = 51;  // Linux 6.3
    bool supported = true;
    const auto client = create_http_client({.on_socket = [&](int fd) {
        const std::uint32_t port = ntohs(own.sin_port);
        const std::uint32_t range = port << 16 | port;
        supported = setsockopt(fd, IPPROTO_IP, ip_local_port_range, &range, sizeof range) == 0;
        return 0;
    }});
    const auto result = send_by(*client, {.url = server.url(), .timeout = 60s});
    close(taken);
    if (!supported) GTEST_SKIP() << "this kernel has no range of ports by socket";
    expect_ours(result, LocalCause::ports);
}

// In a network namespace of its own, which has no interface that is up.
TEST(HttpLack, WithoutANetworkRequestsFailForUs) {
    bool alone = false;
    std::vector<HttpResult> results;
    std::thread([&] {
        alone = unshare(CLONE_NEWNET) == 0;
        if (!alone) return;
        const auto client = create_http_client({.dns_servers = {"192.0.2.53"}});
        for (const char* url : {"http://203.0.113.7/", "http://[2001:db8::7]/", "http://127.0.0.1:80/"})
            results.push_back(send_by(*client, {.url = url, .timeout = 60s}));
        results.push_back(send_by(*client, {.url = "http://hook.test/", .timeout = 60s}));
    }).join();
    if (!alone) GTEST_SKIP() << "only root may have a network of its own";
    for (int i = 0; i < 3; ++i) expect_ours(results[static_cast<std::size_t>(i)], LocalCause::network);
    expect_ours(results[3], LocalCause::name_servers);
}

TEST(HttpLack, NameServersThatDoNotListenAreOurLack) {
    const int closed = bound_socket(SOCK_DGRAM, "127.0.0.1", 0);
    const std::string address = "127.0.0.1:" + std::to_string(port_of(closed));
    close(closed);
    const auto client = create_http_client({.dns_servers = {address}});
    expect_ours(send_by(*client, {.url = "http://hook.test/", .timeout = 60s}), LocalCause::name_servers);
}

TEST(HttpLack, NameServersThatSayNothingAreOurLackWhicheverTimesOutFirst) {
    const int deaf = bound_socket(SOCK_DGRAM, "127.0.0.1", 0);
    const auto client = create_http_client({.dns_servers = {"127.0.0.1:" + std::to_string(port_of(deaf))}});
    Results results;
    client->start({.url = "http://hook.test/", .timeout = 2s}, results.one());
    client->start({.url = "http://other.test/", .timeout = 60s}, results.one());
    for (const HttpResult& result : results.wait_for(2)) expect_ours(result, LocalCause::name_servers);
    EXPECT_EQ(results.size(), 2U);
    close(deaf);
}

TEST(HttpLack, ANameThatFailsWhileItsServersOfOursWorkIsTheNamesFailure) {
    DnsFixture dns;
    dns.set("silent.test", {.silent = true});
    dns.set("quiet.test", {.silent = true});
    dns.set("broken.test", {.code = 2});
    dns.set("refused.test", {.code = 5});
    const auto client = create_http_client({.dns_servers = {dns.address()}});
    for (const auto& [host, words] : {std::pair{"silent.test", "no name server answers for it"},
                                      {"broken.test", "the name servers fail for it"},
                                      {"refused.test", "the name servers fail for it"}}) {
        const auto result = send_by(*client, {.url = "http://" + std::string(host) + "/", .timeout = 60s});
        EXPECT_EQ(result.error, HttpError::resolve) << host << ": " << result.error_text;
        EXPECT_NE(result.error_text.find(words), std::string::npos) << result.error_text;
    }
    EXPECT_EQ(send_by(*client, {.url = "http://quiet.test/", .timeout = 2s}).error, HttpError::timeout);
}

TEST(HttpLack, NameServersThatFailForEveryNameAreOurLack) {
    DnsFixture dns;
    for (const int code : {2, 5}) {
        dns.set("", {.code = code});
        dns.set("hook.test", {.code = code});
        const auto client = create_http_client({.dns_servers = {dns.address()}});
        expect_ours(send_by(*client, {.url = "http://hook.test/", .timeout = 60s}), LocalCause::name_servers);
    }
}

TEST(HttpLack, AListOfTrustedCertificatesThatCannotBeReadIsOurLack) {
    TlsFixture tls;
    RawServer server(tls.serving("DNS:hook.test,IP:127.0.0.1", 3600, ok_answer));
    const auto client = create_http_client({.ca_file = "/nonexistent/ca.pem"});
    expect_ours(
        send_by(*client, {.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/", .timeout = 60s}),
        LocalCause::certificates);
}

// The client's thread is kept busy beyond the time-out of an answer that has arrived meanwhile.
TEST(HttpLack, AnAnswerThatArrivedInTimeCountsThoughWeReadItLate) {
    std::promise<void> asked, may_answer, answered;
    RawServer server([&](int fd) {
        read_request(fd);
        asked.set_value();
        may_answer.get_future().wait();
        put(fd, ok_answer);
        answered.set_value();
    });
    RawServer other(answering(ok_answer));
    const auto client = create_http_client();
    Results results;
    const auto begun = std::chrono::steady_clock::now();
    client->start({.url = server.url(), .timeout = 5s}, results.one());
    asked.get_future().wait();
    client->start({.url = other.url(), .timeout = 60s}, [&](HttpResult) {
        may_answer.set_value();
        answered.get_future().wait();
        std::this_thread::sleep_until(begun + 5100ms);
    });
    const auto all = results.wait_for(1);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].status, 200) << all[0].error_text;
}

TEST(HttpLack, ATimeOutWhileOurThreadDidNotRunIsOurLack) {
    CrowdServer hanging("");
    RawServer other(answering(ok_answer));
    const auto client = create_http_client();
    Results results;
    const auto begun = std::chrono::steady_clock::now();
    client->start({.url = hanging.url(), .timeout = 500ms}, results.one());
    client->start({.url = other.url(), .timeout = 60s}, [&](HttpResult) {
        while (std::chrono::steady_clock::now() < begun + 1s) std::this_thread::sleep_for(1ms);
    });
    const auto result = results.wait_for(1).at(0);
    expect_ours(result, LocalCause::processor);
    EXPECT_EQ(result.remote_ip, "127.0.0.1") << "the request may have been sent";
}

}  // namespace
}  // namespace pricewire::net
