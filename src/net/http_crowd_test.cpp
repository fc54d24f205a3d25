// Many requests at once: some hang, some wait, and the others must not be delayed.
#include <gtest/gtest.h>

#include "net/dns_fixture.hpp"
#include "net/http_client_fixture.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;

void wait_until(const std::function<bool()>& so) {
    for (int i = 0; i < 3000 && !so(); ++i) std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(so());
}

TEST(HttpCrowd, AThousandHangingRequestsDoNotDelayAHealthyOne) {
    CrowdServer hanging(""), healthy(ok_answer);
    Results never, soon;
    const auto client = create_http_client({.max_connections = 1500, .max_connections_per_host = 1000});
    for (int i = 0; i < 1000; ++i) client->start({.url = hanging.url(), .timeout = 600s}, never.one());
    wait_until([&] { return hanging.open() == 1000; });
    for (int i = 0; i < 1000; ++i) client->start({.url = healthy.url(), .timeout = 60s}, soon.one());
    for (const HttpResult& result : soon.wait_for(1000)) EXPECT_EQ(result.status, 200) << result.error_text;
    EXPECT_EQ(soon.size(), 1000U);
    EXPECT_EQ(never.size(), 0U);
}

TEST(HttpCrowd, AHostAtItsLimitDelaysNoOtherAndWaitingTimesOut) {
    CrowdServer hanging(""), healthy(ok_answer);
    Results never, late, soon;
    const auto client = create_http_client({.max_connections = 20, .max_connections_per_host = 8});
    for (int i = 0; i < 8; ++i) client->start({.url = hanging.url(), .timeout = 600s}, never.one());
    wait_until([&] { return hanging.open() == 8; });
    for (int i = 0; i < 100; ++i) client->start({.url = hanging.url(), .timeout = 300ms}, late.one());
    for (int i = 0; i < 300; ++i) client->start({.url = healthy.url(), .timeout = 60s}, soon.one());
    for (const HttpResult& result : soon.wait_for(300)) EXPECT_EQ(result.status, 200) << result.error_text;
    for (const HttpResult& result : late.wait_for(100)) {
        EXPECT_EQ(result.error, HttpError::local);
        EXPECT_EQ(result.local, LocalCause::connections) << "nothing was sent";
        EXPECT_FALSE(result.times.connect);
    }
    EXPECT_LE(healthy.most_open(), 8);
    EXPECT_EQ(hanging.accepted(), 8);
    EXPECT_EQ(never.size(), 0U);
}

TEST(HttpCrowd, TheTotalOfConnectionsIsLimitedAndWaitersGetTheirTurn) {
    std::vector<std::unique_ptr<CrowdServer>> servers;
    for (int i = 0; i < 10; ++i) servers.push_back(std::make_unique<CrowdServer>(ok_answer));
    Results results;
    const auto client = create_http_client({.max_connections = 16, .max_idle_connections = 4});
    for (int round = 0; round < 50; ++round) {
        for (const auto& server : servers)
            client->start({.url = server->url(), .timeout = 60s}, results.one());
    }
    for (const HttpResult& result : results.wait_for(500)) EXPECT_EQ(result.status, 200) << result.error_text;
    EXPECT_EQ(results.size(), 500U);
    // Idle connections are closed down to the bound as others are used.
    const auto open = [&] {
        int sum = 0;
        for (const auto& server : servers) sum += server->open();
        return sum;
    };
    wait_until([&] {
        EXPECT_EQ(send_by(*client, {.url = servers[0]->url(), .timeout = 60s}).status, 200);
        return open() <= 16 + 4;
    });
}

TEST(HttpCrowd, IdleConnectionsToManyHostsAreBounded) {
    std::vector<std::unique_ptr<CrowdServer>> servers;
    for (int i = 0; i < 60; ++i) servers.push_back(std::make_unique<CrowdServer>(ok_answer));
    const auto client = create_http_client({.max_idle_connections = 10});
    for (int round = 0; round < 2; ++round) {
        for (const auto& server : servers)
            EXPECT_EQ(send_by(*client, {.url = server->url(), .timeout = 60s}).status, 200);
    }
    // One of each of curl's 32 multi handles may be above the bound.
    int open = 0;
    wait_until([&] {
        open = 0;
        for (const auto& server : servers) open += server->open();
        return open <= 10 + 32;
    });
    EXPECT_GE(open, 1) << "some are kept";
}

TEST(HttpCrowd, TimesAreSetForThePhasesThatWereNeeded) {
    RawServer server(answering(ok_answer));
    const auto client = create_http_client();
    const auto first = send_by(*client, {.url = server.url(), .timeout = 60s});
    ASSERT_EQ(first.status, 200);
    EXPECT_FALSE(first.times.dns) << "an address needs no query";
    EXPECT_TRUE(first.times.connect);
    EXPECT_FALSE(first.times.tls);
    ASSERT_TRUE(first.times.first_byte);
    EXPECT_LE(*first.times.connect + *first.times.first_byte, first.duration);
    const auto second =
        send_by(*client, {.method = "POST", .url = server.url(), .body = "{}", .timeout = 60s});
    ASSERT_EQ(second.status, 200);
    EXPECT_EQ(server.accepted(), 1);
    EXPECT_FALSE(second.times.connect) << "the connection was reused";
    EXPECT_TRUE(second.times.first_byte);
    CrowdServer hanging("");
    const auto hung =
        send_by(*client, {.method = "POST", .url = hanging.url(), .body = "{}", .timeout = 300ms});
    EXPECT_EQ(hung.error, HttpError::timeout);
    EXPECT_EQ(hung.remote_ip, "127.0.0.1");
    EXPECT_TRUE(hung.times.connect);
    EXPECT_FALSE(hung.times.first_byte) << "no byte arrived";
    const auto closed = send_by(*client, {.url = "http://127.0.0.1:1/", .timeout = 60s});
    EXPECT_EQ(closed.error, HttpError::connect);
    EXPECT_EQ(closed.error_text, "could not connect to 127.0.0.1 port 1: Connection refused");
    EXPECT_FALSE(closed.times.connect);
}

TEST(HttpCrowd, EveryRequestEndsOnceInAnyPhaseIfTheClientIsDestroyed) {
    DnsFixture dns;
    dns.set("silent.test", {.silent = true});
    CrowdServer hanging("");
    const int deaf = listen_on("127.0.0.1", 0, 0);
    const std::string deaf_url = "http://127.0.0.1:" + std::to_string(port_of(deaf)) + "/";
    Results results;
    auto client = create_http_client({.max_connections = 60, .dns_servers = {dns.address()}});
    for (int i = 0; i < 20; ++i) {
        client->start({.url = "http://silent.test/", .timeout = 600s}, results.one());
        client->start({.url = deaf_url, .timeout = 600s}, results.one());
        client->start({.url = hanging.url(), .timeout = 600s}, results.one());
    }
    wait_until([&] { return hanging.open() == 20; });
    for (int i = 0; i < 100; ++i) client->start({.url = hanging.url(), .timeout = 600s}, results.one());
    client.reset();
    const auto all = results.wait_for(160);
    EXPECT_EQ(all.size(), 160U);
    for (const HttpResult& result : all) EXPECT_EQ(result.error, HttpError::cancelled) << result.error_text;
    close(deaf);
}

TEST(HttpCrowd, AnAnswersHandlerMayStartTheNextRequest) {
    CrowdServer server(ok_answer);
    Results last;
    const auto client = create_http_client();
    std::function<void(int)> go = [&](int left) {
        client->start({.url = server.url(), .timeout = 60s}, [&, left](HttpResult result) {
            if (left > 0) return go(left - 1);
            last.one()(std::move(result));
        });
    };
    go(200);
    EXPECT_EQ(last.wait_for(1).at(0).status, 200);
}

}  // namespace
}  // namespace pricewire::net
