#include <gtest/gtest.h>

#include "net/address_guard.hpp"
#include "net/webhook_url.hpp"

namespace pricewire::net {
namespace {

IpAddress ip(const std::string& text) {
    const auto parsed = IpAddress::parse(text);
    if (!parsed) throw std::runtime_error("not an address: " + text);
    return *parsed;
}

bool allowed(const std::string& text, const AddressGuard& guard = AddressGuard()) {
    return !guard.refuses(ip(text));
}

TEST(AddressGuard, RefusesEveryRangeAtItsEdgesAndNothingBeside) {
    // first and last address of a forbidden range, then its allowed neighbours where it has any
    const struct {
        const char* first;
        const char* last;
        std::vector<const char*> beside;
    } ranges[] = {
        {"0.0.0.0", "0.255.255.255", {"1.0.0.0"}},
        {"10.0.0.0", "10.255.255.255", {"9.255.255.255", "11.0.0.0"}},
        {"100.64.0.0", "100.127.255.255", {"100.63.255.255", "100.128.0.0"}},
        {"127.0.0.0", "127.255.255.255", {"126.255.255.255", "128.0.0.0"}},
        {"169.254.0.0", "169.254.255.255", {"169.253.255.255", "169.255.0.0"}},
        {"172.16.0.0", "172.31.255.255", {"172.15.255.255", "172.32.0.0"}},
        {"192.0.0.0", "192.0.0.255", {"191.255.255.255", "192.0.1.0"}},
        {"192.0.2.0", "192.0.2.255", {"192.0.1.255", "192.0.3.0"}},
        {"192.88.99.0", "192.88.99.255", {"192.88.98.255", "192.88.100.0"}},
        {"192.168.0.0", "192.168.255.255", {"192.167.255.255", "192.169.0.0"}},
        {"198.18.0.0", "198.19.255.255", {"198.17.255.255", "198.20.0.0"}},
        {"198.51.100.0", "198.51.100.255", {"198.51.99.255", "198.51.101.0"}},
        {"203.0.113.0", "203.0.113.255", {"203.0.112.255", "203.0.114.0"}},
        {"224.0.0.0", "255.255.255.255", {"223.255.255.255"}},
        {"168.63.129.16", "168.63.129.16", {"168.63.129.15", "168.63.129.17"}},
        {"::", "::1", {}},
        {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", {}},
        {"fe80::", "febf::1", {}},
        {"ff00::", "ff02::1", {}},
        {"2001::", "2001:1ff::1", {"2001:200::1"}},
        {"2001:db8::", "2001:db8:ffff::1", {"2001:db7::1", "2001:db9::1"}},
        {"2002::", "2002:ffff::1", {"2003::1"}},
        {"3fff::", "3fff:fff::1", {"3ffe::1", "3fff:1000::1"}},
        {"4000::", "8000::1", {"2606:4700::1111"}},
    };
    for (const auto& range : ranges) {
        EXPECT_FALSE(allowed(range.first)) << range.first;
        EXPECT_FALSE(allowed(range.last)) << range.last;
        for (const char* neighbour : range.beside) EXPECT_TRUE(allowed(neighbour)) << neighbour;
    }
}

TEST(AddressGuard, JudgesAnEmbeddedIpv4AddressByItself) {
    EXPECT_FALSE(allowed("::ffff:127.0.0.1"));
    EXPECT_TRUE(allowed("::ffff:8.8.8.8"));
    EXPECT_FALSE(allowed("64:ff9b::10.0.0.1"));
    EXPECT_FALSE(allowed("64:ff9b:1::10.0.0.1"));
    EXPECT_TRUE(allowed("64:ff9b::8.8.8.8"));
    EXPECT_FALSE(allowed("::127.0.0.1"));
    EXPECT_FALSE(allowed("::ffff:0:192.168.0.1"));
}

TEST(AddressGuard, AllowedNetworksOpenExactlyWhatTheyName) {
    const AddressGuard guard({Network::parse("10.1.2.0/24").value(), Network::parse("fd00:1::/32").value()});
    EXPECT_TRUE(allowed("10.1.2.255", guard));
    EXPECT_FALSE(allowed("10.1.3.0", guard));
    EXPECT_TRUE(allowed("fd00:1::5", guard));
    EXPECT_FALSE(allowed("fd00:2::5", guard));
    EXPECT_FALSE(allowed("127.0.0.1", guard));
}

TEST(AddressGuard, SaysWhichRuleRefuses) {
    EXPECT_EQ(AddressGuard().refuses(ip("127.0.0.1")), "127.0.0.1 is a loopback address (127.0.0.0/8)");
    EXPECT_EQ(AddressGuard().refuses(ip("169.254.169.254")),
              "169.254.169.254 is a cloud metadata address (169.254.169.254/32)");
}

TEST(Network, ReadsCidrAndRefusesRubbish) {
    EXPECT_EQ(Network::parse("10.0.0.0/8").value().to_string(), "10.0.0.0/8");
    EXPECT_EQ(Network::parse("::1").value().to_string(), "::1/128");
    for (const char* text :
         {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::/129", "10.0.0.0/8x", "host/8", "1.2.3.4/"}) {
        EXPECT_FALSE(Network::parse(text)) << text;
    }
}

UrlPolicy policy() {
    return {};
}

std::string judged(const std::string& url, const UrlPolicy& p = policy()) {
    const auto parsed = parse_webhook_url(url, p);
    return parsed ? parsed->scheme + " " + parsed->host + " " + std::to_string(parsed->port)
                  : "refused: " + parsed.error().message;
}

TEST(WebhookUrl, TakesWhatPeopleUse) {
    EXPECT_EQ(judged("https://example.com/hook?a=b"), "https example.com 443");
    EXPECT_EQ(judged("https://EXAMPLE.com:8443"), "https example.com 8443");
    EXPECT_EQ(judged("https://example.com./hook"), "https example.com 443");
    EXPECT_EQ(judged("https://8.8.8.8/"), "https 8.8.8.8 443");
    EXPECT_EQ(judged("https://[2606:4700::1111]/"), "https 2606:4700::1111 443");
    UrlPolicy http = policy();
    http.allow_http = true;
    EXPECT_EQ(judged("http://example.com/", http), "http example.com 80");
}

TEST(WebhookUrl, RefusesEverySpellingOfAForbiddenAddress) {
    for (const char* url :
         {"https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://017700000001/",
          "https://127.1/", "https://0x7f000001/", "https://[::ffff:127.0.0.1]/", "https://[::1]/",
          "https://127.0.0.1./", "https://[::ffff:7f00:1]/", "https://0/", "https://169.254.169.254/latest",
          "https://[64:ff9b::7f00:1]/", "https://192.168.1.1/", "https://%31%32%37.0.0.1/"}) {
        EXPECT_TRUE(judged(url).starts_with("refused: webhook_url is not allowed: "))
            << url << " → " << judged(url);
    }
}

TEST(WebhookUrl, RefusesWhatIsNoPlainUrlAndSaysWhy) {
    for (const char* url : {"",
                            "example.com",
                            "//example.com",
                            "ftp://example.com/",
                            "https://",
                            "https:///x",
                            "https://user@example.com/",
                            "https://user:pass@example.com/",
                            "https://example.com/#x",
                            "https://exa mple.com/",
                            "https://example.com/\r\nHost: x",
                            "https://example.com\\@127.0.0.1/",
                            "https://bücher.example/",
                            "https://[fe80::1%25eth0]/",
                            "https://example.com:0/",
                            "https://example.com:22/",
                            "https://example.com:65536/",
                            "http://example.com/",
                            "https://.example.com/",
                            "https://1.2.3.4.5/",
                            "https://example.com:443@127.0.0.1/",
                            "javascript:alert(1)",
                            "file:///etc/passwd"}) {
        const std::string result = judged(url);
        EXPECT_TRUE(result.starts_with("refused: ")) << url << " → " << result;
        EXPECT_GT(result.size(), 20U) << url;
    }
    EXPECT_TRUE(judged("https://example.com/" + std::string(2048, 'a')).starts_with("refused: "));
    EXPECT_EQ(judged("https://example.com:22/"), "refused: port 22 is not allowed; allowed: 80, 443, 8443");
}

TEST(WebhookUrl, AHostThatResolvesToAForbiddenAddressIsRefusedAndOneThatDoesNotResolveIsNot) {
    const auto local = vet_webhook_url("https://localhost/", policy(), 5000);
    ASSERT_FALSE(local);
    EXPECT_NE(local.error().message.find("localhost resolves to"), std::string::npos)
        << local.error().message;
    EXPECT_FALSE(vet_webhook_url("https://hook.localhost/", policy(), 5000));
    EXPECT_TRUE(vet_webhook_url("https://no-such-host.invalid/", policy(), 5000));
}

}  // namespace
}  // namespace pricewire::net
