#include "net/resolver.hpp"

#include <gtest/gtest.h>

#include "net/dns_fixture.hpp"
#include "net/webhook_url.hpp"

namespace pricewire::net {
namespace {

std::vector<std::string> texts(const Result<std::vector<IpAddress>>& result) {
    std::vector<std::string> out;
    if (!result) return {result.error().message};
    for (const IpAddress& address : *result) out.push_back(address.to_string());
    std::sort(out.begin(), out.end());
    return out;
}

using Texts = std::vector<std::string>;

TEST(Resolver, ReadsNameServers) {
    const auto read = [](const char* text) {
        const auto server = parse_name_server(text);
        return server ? server->address.to_string() + "/" + std::to_string(server->port)
                      : server.error().message;
    };
    EXPECT_EQ(read("192.0.2.1"), "192.0.2.1/53");
    EXPECT_EQ(read("192.0.2.1:5353"), "192.0.2.1/5353");
    EXPECT_EQ(read("2001:db8::1"), "2001:db8::1/53");
    EXPECT_EQ(read("[2001:db8::1]"), "2001:db8::1/53");
    EXPECT_EQ(read("[::1]:54"), "::1/54");
    for (const char* bad :
         {"", "dns.example", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:53x", "[::1]53",
          "[::1", "[]:53", ":53", "192.0.2.1 ", "192.0.2.1:53:54"}) {
        EXPECT_FALSE(parse_name_server(bad)) << bad;
    }
    EXPECT_NE(read("dns.example").find("\"dns.example\" is not a name server's address"), std::string::npos);
}

TEST(Resolver, ResolvesAddressesAndLocalhostWithoutAQuery) {
    const DnsFixture dns;
    const std::vector<std::string> servers{dns.address()};
    EXPECT_EQ(texts(resolve("192.0.2.7", 0, servers)), Texts{"192.0.2.7"});
    EXPECT_EQ(texts(resolve("::1", 0, servers)), Texts{"::1"});
    for (const char* name : {"localhost", "localhost.", "LocalHost", "hook.localhost"}) {
        EXPECT_EQ(texts(resolve(name, 0, servers)), Texts{"127.0.0.1"}) << name;
    }
    EXPECT_FALSE(is_localhost("notlocalhost"));
    EXPECT_FALSE(is_localhost("localhost.example"));
}

TEST(Resolver, AsksTheNamedServersForBothKinds) {
    DnsFixture dns;
    dns.set("both.test", {.answers = {{"192.0.2.1", "2001:db8::1", "192.0.2.2"}}});
    dns.set("six.test", {.answers = {{"2001:db8::6"}}});
    dns.set("none.test", {.answers = {{}}});
    const std::vector<std::string> servers{dns.address()};
    EXPECT_EQ(texts(resolve("both.test", 30'000, servers)), (Texts{"192.0.2.1", "192.0.2.2", "2001:db8::1"}));
    EXPECT_EQ(texts(resolve("six.test", 30'000, servers)), Texts{"2001:db8::6"});
    EXPECT_EQ(texts(resolve("none.test", 30'000, servers)),
              Texts{"could not resolve host none.test: the name has no address"});
    EXPECT_EQ(texts(resolve("unknown.test", 30'000, servers)),
              Texts{"could not resolve host unknown.test: no such name"});
    EXPECT_FALSE(resolve("both.test", 30'000, Texts{"dns.example"})) << "an invalid server";
}

TEST(Resolver, ASilentServerTakesTheDeadlineAndLeaksNothing) {
    DnsFixture dns;
    dns.set("silent.test", {.silent = true});
    const std::vector<std::string> servers{dns.address()};
    const Texts late{"could not resolve host silent.test: no answer within 100 ms"};
    EXPECT_EQ(texts(resolve("silent.test", 100, servers)), late);
    // Many at once, and again: no look-up outlives its call.
    for (int round = 0; round < 2; ++round) {
        std::vector<std::thread> threads;
        std::atomic<int> as_said = 0;
        for (int i = 0; i < 40; ++i) {
            threads.emplace_back(
                [&] { as_said += texts(resolve("silent.test", 100, servers)) == late ? 1 : 0; });
        }
        for (std::thread& t : threads) t.join();
        EXPECT_EQ(as_said, 40);
    }
}

TEST(Resolver, VettingAsksThePolicysServers) {
    DnsFixture dns;
    dns.set("fine.test", {.answers = {{"93.184.216.34"}}});
    dns.set("mixed.test", {.answers = {{"93.184.216.34", "10.0.0.1"}}});
    const UrlPolicy policy{.dns_servers = {dns.address()}};
    EXPECT_TRUE(vet_webhook_url("https://fine.test/hook", policy, 30'000));
    const auto mixed = vet_webhook_url("https://mixed.test/hook", policy, 30'000);
    ASSERT_FALSE(mixed);
    EXPECT_NE(mixed.error().message.find("mixed.test resolves to 10.0.0.1"), std::string::npos)
        << mixed.error().message;
}

}  // namespace
}  // namespace pricewire::net
