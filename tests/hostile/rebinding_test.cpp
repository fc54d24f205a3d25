#include <gtest/gtest.h>

#include "hostile/hostile_fixture.hpp"
#include "net/webhook_url.hpp"
#include "support/dns_server.hpp"
#include "support/hostile_receiver.hpp"

// Names whose addresses change, and names with many addresses. 127.0.1.0/24 stands for the internet: it is
// the only network that the guard allows. A receiver on 127.0.0.1, at the same port, must get no request.
namespace pricewire::test {
namespace {

using net::HttpError;

class RebindingTest : public testing::Test {
protected:
    // A request on a new connection, so that the name has to be resolved.
    net::HttpResult deliver_to(const std::string& name) {
        net::HttpRequest request = webhook_to(outside_.url("/hook", name), &guard_);
        request.headers.emplace_back("connection", "close");
        return send(*client_, std::move(request));
    }

    DnsServer dns_;
    const HostileReceiver outside_{{.behaviour = Behaviour::answers, .address = "127.0.1.1"}};
    const HostileReceiver inside_{{.behaviour = Behaviour::answers, .port = outside_.port()}};
    const HostileReceiver inside_v6_{
        {.behaviour = Behaviour::answers, .address = "::1", .port = outside_.port()}};
    const net::AddressGuard guard_{{net::Network::parse("127.0.1.0/24").value()}};
    std::unique_ptr<net::HttpClient> client_ = make_client({.ca_file = {}, .dns_servers = {dns_.address()}});
};

TEST_F(RebindingTest, ANameThatChangesToAForbiddenAddressGetsNothing) {
    dns_.set("rebind.test", {DnsAnswer::of({"127.0.1.1"}), DnsAnswer::of({"127.0.0.1"})});
    const auto give_up_at = std::chrono::steady_clock::now() + patience;
    net::HttpResult result;
    int served = 0;
    // A resolved name may be cached for a moment; until it expires the first address is used.
    do {
        result = deliver_to("rebind.test");
        if (result.error == HttpError::none) ++served;
    } while (result.error == HttpError::none && std::chrono::steady_clock::now() < give_up_at);
    EXPECT_GE(served, 1);
    EXPECT_EQ(result.error, HttpError::refused_address) << result.error_text;
    EXPECT_NE(result.error_text.find("127.0.0.1 is a loopback address"), std::string::npos)
        << result.error_text;
    EXPECT_EQ(outside_.requests(), served);
    EXPECT_EQ(inside_.connections(), 0);
}

TEST_F(RebindingTest, ANameThatPassedAtCreationIsCheckedAgainAtConnect) {
    dns_.set("rebind.test", {DnsAnswer::of({"93.184.216.34"}), DnsAnswer::of({"127.0.0.1"})});
    net::UrlPolicy policy{.allow_http = true, .allow_ports = {{1, 65535}}, .guard = guard_};
    policy.dns_servers = {dns_.address()};
    const auto vetted = net::vet_webhook_url(outside_.url("/hook", "rebind.test"), policy, 5000);
    ASSERT_TRUE(vetted) << vetted.error().message;
    EXPECT_GE(dns_.queries("rebind.test"), 1);
    const auto result = deliver_to("rebind.test");
    EXPECT_EQ(result.error, HttpError::refused_address) << result.error_text;
    EXPECT_EQ(inside_.connections(), 0);
    // At creation the second answer is rejected too, by name.
    const auto again = net::vet_webhook_url(outside_.url("/hook", "rebind.test"), policy, 5000);
    ASSERT_FALSE(again);
    EXPECT_EQ(
        again.error().message,
        "webhook_url is not allowed: rebind.test resolves to 127.0.0.1 is a loopback address (127.0.0.0/8); "
        "whoever runs this server can allow private networks with delivery.allow_networks");
}

TEST_F(RebindingTest, OneForbiddenAddressAmongManyRejectsThemAll) {
    dns_.set("mixed.test", {DnsAnswer::of({"127.0.1.1", "127.0.0.1"})});
    dns_.set("mixed-first.test", {DnsAnswer::of({"127.0.0.1", "127.0.1.1"})});
    dns_.set("mixed-v6.test", {DnsAnswer::of({"127.0.1.1", "::1"})});
    for (const char* name : {"mixed.test", "mixed-first.test", "mixed-v6.test"}) {
        const auto result = deliver_to(name);
        EXPECT_EQ(result.error, HttpError::refused_address) << name << ": " << result.error_text;
    }
    EXPECT_EQ(outside_.connections() + inside_.connections() + inside_v6_.connections(), 0);
}

TEST_F(RebindingTest, AMappedAddressInAnAaaaRecordIsCheckedAsTheAddressInside) {
    DnsAnswer answer = DnsAnswer::of({"127.0.0.1"});
    answer.mapped = true;
    dns_.set("mapped.test", {answer});
    const auto result = deliver_to("mapped.test");
    EXPECT_EQ(result.error, HttpError::refused_address) << result.error_text;
    EXPECT_EQ(inside_.connections(), 0);
}

TEST_F(RebindingTest, AnInternationalNameIsResolvedInItsAsciiForm) {
    dns_.set("xn--bcher-kva.test", {DnsAnswer::of({"127.0.1.1"}, 30)});
    net::UrlPolicy policy{.allow_http = true, .allow_ports = {{1, 65535}}, .guard = guard_};
    policy.dns_servers = {dns_.address()};
    const auto vetted = net::vet_webhook_url(outside_.url("/hook", "bücher.test"), policy, 5000);
    ASSERT_TRUE(vetted) << vetted.error().message;
    const auto result = send(*client_, webhook_to(vetted->url, &guard_));
    EXPECT_EQ(result.status, 200) << result.error_text;
    EXPECT_GE(dns_.queries("xn--bcher-kva.test"), 2);
}

TEST_F(RebindingTest, NamesThatDoNotResolveFailWithoutDelayingOthers) {
    dns_.set("silent.test", {DnsAnswer::silence()});
    dns_.set("broken.test", {DnsAnswer::server_failure()});
    auto silent = start(*client_, webhook_to(outside_.url("/hook", "silent.test"), &guard_));
    EXPECT_EQ(deliver_to("no-such.test").error, HttpError::resolve);
    const auto broken = deliver_to("broken.test");
    EXPECT_TRUE(broken.error == HttpError::resolve || broken.error == HttpError::timeout)
        << broken.error_text;
    EXPECT_EQ(send(*client_, webhook_to(outside_.url(), &guard_)).status, 200);
    const auto result = wait_for(silent);
    EXPECT_TRUE(result.error == HttpError::timeout || result.error == HttpError::resolve)
        << result.error_text;
}

}  // namespace
}  // namespace pricewire::test
