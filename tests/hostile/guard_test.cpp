#include <fmt/format.h>
#include <gtest/gtest.h>

#include "hostile/hostile_fixture.hpp"
#include "net/webhook_url.hpp"
#include "support/hostile_receiver.hpp"

// Every spelling of a forbidden target, twice: at creation, where the text is checked, and at connect, where
// the same text is given to the HTTP client as if it had passed. Receivers listen on 127.0.0.1 and ::1, where
// all of them lead.
namespace pricewire::test {
namespace {

using net::HttpError;

// "{}" stands for the receivers' port.
constexpr const char* forms[] = {
    "http://127.0.0.1:{}/",
    "http://127.1:{}/",
    "http://127.0.1:{}/",
    "http://2130706433:{}/",
    "http://0x7f.1:{}/",
    "http://0x7f000001:{}/",
    "http://0X7F.0x0.0.01:{}/",
    "http://017700000001:{}/",
    "http://0177.0.0.1:{}/",
    "http://127.0.0.1.:{}/",
    "http://2130706433.:{}/",
    "http://0:{}/",
    "http://0.0.0.0:{}/",
    "http://[::1]:{}/",
    "http://[::]:{}/",
    "http://[0:0:0:0:0:0:0:1]:{}/",
    "http://[::ffff:127.0.0.1]:{}/",
    "http://[::ffff:7f00:1]:{}/",
    "http://[::FFFF:7F00:0001]:{}/",
    "http://[::127.0.0.1]:{}/",
    "http://[::ffff:0:127.0.0.1]:{}/",
    "http://[64:ff9b::127.0.0.1]:{}/",
    "http://[64:ff9b:1::7f00:1]:{}/",
    "http://[2002:7f00:1::]:{}/",
    "http://[2001:0:7f00:1::1]:{}/",
    "http://[::1%25lo]:{}/",
    "http://[::1%lo]:{}/",
    "http://[fe80::1%25lo]:{}/",
    "http://localhost:{}/",
    "http://LOCALHOST:{}/",
    "http://localhost.:{}/",
    "http://hook.localhost:{}/",
    "http://user@127.0.0.1:{}/",
    "http://user:password@127.0.0.1:{}/",
    "http://@127.0.0.1:{}/",
    "http://example.com:80@127.0.0.1:{}/",
    "http://example.com\\@127.0.0.1:{}/",
    "http://example.com%40127.0.0.1:{}/",
    "http://%31%32%37.0.0.1:{}/",
    "http://%6c%6f%63%61%6c%68%6f%73%74:{}/",
    "http://127.0.0.1%2f:{}/",
    "http://１２７。０。０。１:{}/",
    "http://１２７.0.0.1:{}/",
    "http://①②⑦.⓪.⓪.①:{}/",
    "http://127｡0｡0｡1:{}/",
    "http://ｌｏｃａｌｈｏｓｔ:{}/",
    "http://127.0.0.1\t:{}/",
    "http://127.0.0.1:{}/\r\nX-Injected: 1",
    "http://127.0.0.1\r\n:{}/",
    " http://127.0.0.1:{}/",
    "http:127.0.0.1:{}/",
    "http:/127.0.0.1:{}/",
    "http:///127.0.0.1:{}/",
    "http:\\\\127.0.0.1:{}/",
    "//127.0.0.1:{}/",
    "127.0.0.1:{}/",
    "ftp://127.0.0.1:{}/",
    "gopher://127.0.0.1:{}/_x",
    "dict://127.0.0.1:{}/x",
    "file://127.0.0.1:{}/etc/passwd",
};

// Forms that reach the receivers without a guard. They show that the tests below would detect a hole.
constexpr const char* open_forms[] = {
    "http://127.0.0.1:{}/",    "http://2130706433:{}/",         "http://0x7f.1:{}/",
    "http://017700000001:{}/", "http://[::ffff:127.0.0.1]:{}/", "http://localhost:{}/",
    "http://[::1]:{}/",        "http://user@127.0.0.1:{}/",
};

// One address of each forbidden range, and the range's name in the error.
constexpr std::pair<const char*, const char*> forbidden[] = {
    {"0.1.2.3", "0.0.0.0/8"},
    {"10.1.2.3", "10.0.0.0/8"},
    {"100.64.0.1", "100.64.0.0/10"},
    {"127.9.9.9", "127.0.0.0/8"},
    {"169.254.169.254", "169.254.169.254/32"},
    {"169.254.1.1", "169.254.0.0/16"},
    {"172.31.255.255", "172.16.0.0/12"},
    {"192.0.0.1", "192.0.0.0/24"},
    {"192.0.2.1", "192.0.2.0/24"},
    {"192.88.99.1", "192.88.99.0/24"},
    {"192.168.1.1", "192.168.0.0/16"},
    {"198.18.0.1", "198.18.0.0/15"},
    {"198.51.100.1", "198.51.100.0/24"},
    {"203.0.113.1", "203.0.113.0/24"},
    {"224.0.0.1", "224.0.0.0/4"},
    {"255.255.255.255", "240.0.0.0/4"},
    {"168.63.129.16", "168.63.129.16/32"},
    {"[::]", "::/128"},
    {"[::1]", "::1/128"},
    {"[fe80::1]", "fe80::/10"},
    {"[fd00::1]", "fc00::/7"},
    {"[ff02::1]", "ff00::/8"},
    {"[2001::1]", "2001::/32"},
    {"[2001:2::1]", "2001::/23"},
    {"[2001:db8::1]", "2001:db8::/32"},
    {"[2002:808:808::1]", "2002::/16"},
    {"[3fff::1]", "3fff::/20"},
    {"[64:ff9b:1::8.8.8.8]", "64:ff9b:1::/48"},
    {"[64:ff9b::10.0.0.1]", "10.0.0.0/8"},
    {"[4000::1]", "2000::/3"},
};

class GuardTest : public testing::Test {
protected:
    std::string at_port(const char* form) const { return fmt::format(fmt::runtime(form), v4_.port()); }
    std::int64_t reached() const { return v4_.connections() + v6_.connections(); }

    const HostileReceiver v4_{{.behaviour = Behaviour::answers}};
    const HostileReceiver v6_{{.behaviour = Behaviour::answers, .address = "::1", .port = v4_.port()}};
    const net::AddressGuard guard_{};
    const net::UrlPolicy policy_{.allow_http = true, .allow_ports = {{1, 65535}}, .guard = guard_};
    std::unique_ptr<net::HttpClient> client_ = make_client();
};

TEST_F(GuardTest, RejectsEveryFormAtCreation) {
    for (const char* form : forms) {
        const auto url = net::vet_webhook_url(at_port(form), policy_, 5000);
        EXPECT_FALSE(url) << form << " → " << url->url;
        if (!url) {
            EXPECT_GT(url.error().message.size(), 20U) << form;
        }
    }
    EXPECT_EQ(reached(), 0);
}

TEST_F(GuardTest, NoFormReachesAReceiverAtConnect) {
    for (const char* form : forms) {
        const auto result = send(*client_, webhook_to(at_port(form), &guard_));
        EXPECT_NE(result.error, HttpError::none) << form;
        EXPECT_EQ(result.status, 0) << form;
    }
    // The one allowed connection comes after any that the others may have opened.
    for (const HostileReceiver* receiver : {&v4_, &v6_}) {
        const auto result = send(*client_, webhook_to(receiver->url()));
        EXPECT_EQ(result.status, 200) << result.error_text;
    }
    EXPECT_EQ(v4_.connections(), 1);
    EXPECT_EQ(v6_.connections(), 1);
}

TEST_F(GuardTest, WithoutAGuardTheReceiversAreReached) {
    for (const char* form : open_forms) {
        const std::int64_t before = v4_.requests() + v6_.requests();
        const auto result = send(*client_, webhook_to(at_port(form)));
        EXPECT_EQ(result.status, 200) << form << ": " << result.error_text;
        EXPECT_EQ(v4_.requests() + v6_.requests(), before + 1) << form;
    }
}

TEST_F(GuardTest, RejectsEveryRangeByNameAtCreationAndAtConnect) {
    for (const auto& [host, range] : forbidden) {
        const std::string url = fmt::format("http://{}:{}/", host, v4_.port());
        const auto vetted = net::vet_webhook_url(url, policy_, 5000);
        ASSERT_FALSE(vetted) << url;
        EXPECT_NE(vetted.error().message.find(range), std::string::npos)
            << url << ": " << vetted.error().message;
        const auto result = send(*client_, webhook_to(url, &guard_));
        EXPECT_EQ(result.error, HttpError::refused_address) << url << ": " << result.error_text;
        EXPECT_NE(result.error_text.find(range), std::string::npos) << url << ": " << result.error_text;
    }
    EXPECT_EQ(reached(), 0);
}

TEST_F(GuardTest, RejectsAnAddressOfThisMachineAtCreationAndAtConnect) {
    const auto own = std::make_shared<net::OwnAddresses>(
        [] { return std::vector{net::IpAddress::parse("8.8.8.8").value()}; });
    const net::AddressGuard guard({}, own);
    const net::UrlPolicy policy{.guard = guard};
    const auto vetted = net::vet_webhook_url("https://8.8.8.8/", policy, 5000);
    ASSERT_FALSE(vetted);
    EXPECT_EQ(
        vetted.error().message,
        "webhook_url is not allowed: 8.8.8.8 is an address of this machine; whoever runs this server can "
        "allow private networks with delivery.allow_networks");
    const auto result = send(*client_, webhook_to("https://8.8.8.8/", &guard));
    EXPECT_EQ(result.error, HttpError::refused_address);
    EXPECT_NE(result.error_text.find("an address of this machine"), std::string::npos) << result.error_text;
}

TEST_F(GuardTest, AllowedNetworksAllowOnlyWhatTheyName) {
    const net::AddressGuard open({net::Network::parse("127.0.0.1/32").value()});
    const net::UrlPolicy policy{.allow_http = true, .allow_ports = {{1, 65535}}, .guard = open};
    EXPECT_TRUE(net::vet_webhook_url(v4_.url(), policy, 5000));
    EXPECT_EQ(send(*client_, webhook_to(v4_.url(), &open)).status, 200);
    EXPECT_EQ(send(*client_, webhook_to(at_port("http://[::ffff:127.0.0.1]:{}/"), &open)).status, 200);
    EXPECT_EQ(send(*client_, webhook_to(v6_.url(), &open)).error, HttpError::refused_address);
    EXPECT_EQ(send(*client_, webhook_to(at_port("http://127.0.0.2:{}/"), &open)).error,
              HttpError::refused_address);
    const net::AddressGuard v6_only({net::Network::parse("::/0").value()});
    EXPECT_EQ(send(*client_, webhook_to(v6_.url(), &v6_only)).status, 200);
    EXPECT_EQ(send(*client_, webhook_to(v4_.url(), &v6_only)).error, HttpError::refused_address);
}

TEST_F(GuardTest, AReusedConnectionIsCheckedAgain) {
    const net::AddressGuard open({net::Network::parse("127.0.0.0/8").value()});
    EXPECT_EQ(send(*client_, webhook_to(v4_.url(), &open)).status, 200);
    EXPECT_EQ(send(*client_, webhook_to(v4_.url(), &open)).status, 200);
    EXPECT_EQ(v4_.connections(), 1) << "the connection was not reused, so this test proves nothing";
    const auto result = send(*client_, webhook_to(v4_.url(), &guard_));
    EXPECT_EQ(result.error, HttpError::refused_address) << result.error_text;
    EXPECT_EQ(v4_.requests(), 2);
}

TEST_F(GuardTest, ARedirectToAForbiddenAddressIsNotFollowed) {
    const HostileReceiver outside(
        {.behaviour = Behaviour::redirects, .address = "127.0.1.1", .redirect_to = v4_.url()});
    const net::AddressGuard open({net::Network::parse("127.0.1.0/24").value()});
    EXPECT_EQ(send(*client_, webhook_to(outside.url(), &open)).status, 302);
    EXPECT_EQ(reached(), 0);
}

}  // namespace
}  // namespace pricewire::test
