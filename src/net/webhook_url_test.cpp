#include "net/webhook_url.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <memory>

namespace pricewire::net {
namespace {

UrlPolicy policy() {
    UrlPolicy out;
    // No address of its own but loopback, so that no test depends on where it runs.
    out.guard = AddressGuard({}, std::make_shared<OwnAddresses>([] { return std::vector<IpAddress>{}; }));
    return out;
}

UrlPolicy lax() {
    UrlPolicy out = policy();
    out.allow_http = true;
    out.allow_ports = {{1, 65535}};
    return out;
}

std::string judged(const std::string& url, const UrlPolicy& p = policy()) {
    const auto parsed = parse_webhook_url(url, p);
    return parsed ? parsed->scheme + " " + parsed->host + " " + std::to_string(parsed->port)
                  : "refused: " + parsed.error().message;
}

// The text to store, or the reason for refusing it.
std::string normal(const std::string& url, const UrlPolicy& p = policy()) {
    const auto parsed = parse_webhook_url(url, p);
    return parsed ? parsed->url : "refused: " + parsed.error().message;
}

TEST(WebhookUrl, AcceptsCommonUrls) {
    EXPECT_EQ(judged("https://example.com/hook?a=b"), "https example.com 443");
    EXPECT_EQ(judged("https://EXAMPLE.com:8443"), "https example.com 8443");
    EXPECT_EQ(judged("https://example.com./hook"), "https example.com 443");
    EXPECT_EQ(judged("https://8.8.8.8/"), "https 8.8.8.8 443");
    EXPECT_EQ(judged("https://[2606:4700::1111]/"), "https 2606:4700::1111 443");
    EXPECT_EQ(judged("https://a_b--c.r3---sn.example/"), "https a_b--c.r3---sn.example 443");
    EXPECT_EQ(judged("http://example.com/", lax()), "http example.com 80");
}

TEST(WebhookUrl, NormalizesTheHostAndNothingElse) {
    const std::pair<const char*, const char*> cases[] = {
        {"https://example.com", "https://example.com"},
        {"HTTPS://EXAMPLE.Com:443/Hook/../x?A=b%20c&d", "https://example.com:443/Hook/../x?A=b%20c&d"},
        {"https://example.com.:8443?q", "https://example.com:8443?q"},
        {"https://134744072/x", "https://8.8.8.8/x"},
        {"https://0x8.010.2056/x", "https://8.8.8.8/x"},
        {"https://8.8.8.8./", "https://8.8.8.8/"},
        {"https://[2606:4700:0:0::1111]:8443/", "https://[2606:4700::1111]:8443/"},
        {"https://[::FFFF:8.8.8.8]/", "https://8.8.8.8/"},
        {"https://example.com/a@b:c//d?e=https://f/", "https://example.com/a@b:c//d?e=https://f/"},
    };
    for (const auto& [typed, stored] : cases) EXPECT_EQ(normal(typed), stored) << typed;
}

TEST(WebhookUrl, ConvertsInternationalNamesToAscii) {
    EXPECT_EQ(normal("https://bücher.example/x"), "https://xn--bcher-kva.example/x");
    EXPECT_EQ(normal("https://BÜCHER.example/x"), "https://xn--bcher-kva.example/x");
    EXPECT_EQ(normal("https://faß.example/"), "https://xn--fa-hia.example/");  // non-transitional
    // A homograph: the second letter is Cyrillic.
    EXPECT_EQ(normal("https://p\u0430ypal.example/"), "https://xn--pypal-4ve.example/");
    // A soft hyphen is dropped, an ideographic full stop is a dot, and a trailing dot marks a full name.
    EXPECT_EQ(normal("https://ex\u00adample.com/"), "https://example.com/");
    EXPECT_EQ(normal("https://bücher。example。/"), "https://xn--bcher-kva.example/");
    EXPECT_EQ(normal("https://xn--bcher-kva.example/x"), "https://xn--bcher-kva.example/x");
}

TEST(WebhookUrl, RefusesEverySpellingOfAForbiddenAddress) {
    for (const char* url : {"https://127.0.0.1/",
                            "https://2130706433/",
                            "https://0x7f.1/",
                            "https://017700000001/",
                            "https://127.1/",
                            "https://0x7f000001/",
                            "https://0X7F.0x0.0.01/",
                            "https://0177.0.0.1/",
                            "https://[::ffff:127.0.0.1]/",
                            "https://[::1]/",
                            "https://127.0.0.1./",
                            "https://2130706433./",
                            "https://[::ffff:7f00:1]/",
                            "https://[0:0:0:0:0:ffff:127.0.0.1]/",
                            "https://0/",
                            "https://169.254.169.254/latest",
                            "https://[64:ff9b::7f00:1]/",
                            "https://192.168.1.1/",
                            "https://１２７。０。０。１/",
                            "https://１２７.0.0.1/",
                            "https://①②⑦.⓪.⓪.①/",
                            "https://127｡0｡0｡1｡/",
                            "https://２１３０７０６４３３/",
                            "https://[::127.0.0.1]/",
                            "https://[fe80::1]/",
                            "https://[2002:7f00:1::]/"}) {
        EXPECT_TRUE(judged(url).starts_with("refused: webhook_url is not allowed: "))
            << url << " → " << judged(url);
    }
}

TEST(WebhookUrl, RefusesAnythingButAPlainUrlAndSaysWhichRule) {
    const std::pair<std::string, const char*> cases[] = {
        {"", "must not be empty"},
        {"example.com", "is not an absolute URL"},
        {"//example.com", "is not an absolute URL"},
        {"https:example.com", "is not an absolute URL"},
        {"https:/example.com", "is not an absolute URL"},
        {"https://", "is not an absolute URL"},
        {"https:///x", "is not an absolute URL"},
        {"https:////example.com", "is not an absolute URL"},
        {"javascript:alert(1)", "is not an absolute URL"},
        {"ftp://example.com/", "must start with https://"},
        {"file:///etc/passwd", "is not an absolute URL"},
        {"file://localhost/etc/passwd", "must start with https://"},
        {"gopher://example.com/", "must start with https://"},
        {"x https://example.com/", "spaces or tabs"},
        {"http://example.com/", "must use https"},
        {"https://user@example.com/", "user name or password"},
        {"https://user:pass@example.com/", "user name or password"},
        {"https://@example.com/", "user name or password"},
        {"https://example.com:443@127.0.0.1/", "user name or password"},
        {"https://example.com%40127.0.0.1/", "percent-encoded host name"},
        {"https://%31%32%37.0.0.1/", "percent-encoded host name"},
        {"https://b%C3%BCcher.example/", "percent-encoded host name"},
        {"https://example.com/#x", "fragment"},
        {"https://example.com#@127.0.0.1/", "fragment"},
        {"https://exa mple.com/", "spaces or tabs"},
        {"https://example.com/a\tb", "spaces or tabs"},
        {"https://exam\tple.com/", "spaces or tabs"},
        {" https://example.com/", "spaces or tabs"},
        {"https://example.com/\r\nHost: x", "line breaks"},
        {"https://example.com\n.example.org/", "line breaks"},
        {std::string("https://example.com\0.example.org/", 34), "control characters"},
        {"https://example.com/\x7f", "control characters"},
        {"https://example.com\\@127.0.0.1/", "backslashes"},
        {"https:\\\\example.com/", "backslashes"},
        {"https://[fe80::1%25eth0]/", "zone id"},
        {"https://[fe80::1%eth0]/", "zone id"},
        {"https://[::1/", "no valid IPv6 address"},
        {"https://[127.0.0.1]/", "no valid IPv6 address"},
        {"https://[example.com]/", "no valid IPv6 address"},
        {"https://[::1]x/", "no valid port"},
        {"https://example.com:/", "no valid port"},
        {"https://example.com:x/", "no valid port"},
        {"https://example.com:+443/", "no valid port"},
        {"https://example.com:0443/", "no valid port"},
        {"https://example.com:65536/", "no valid port"},
        {"https://example.com:443:443/", "no valid port"},
        {"https://example.com:0/", "port 0 is not allowed"},
        {"https://example.com:22/",
         "port 22 is not allowed; allowed: 80, 443, 8443; whoever runs this server can allow more with "
         "delivery.allow_ports"},
        {"https://.example.com/", "empty part between dots"},
        {"https://example..com/", "empty part between dots"},
        {"https://example.com../", "empty part between dots"},
        {"https://./", "no host name"},
        {"https://:443/", "no host name"},
        {"https://1.2.3.4.5/", "neither a name nor an address"},
        {"https://256.1.1.1/", "neither a name nor an address"},
        {"https://4294967296/", "neither a name nor an address"},
        {"https://08.8.8.8/", "neither a name nor an address"},
        {"https://example.0x7f/", "neither a name nor an address"},
        {"https://exa$mple.com/", "characters other than"},
        {"https://exa＄mple.com/", "characters other than"},
        {"https://example.com／x.example.org/", "characters other than"},
        {"https://a℀b.example/", "characters other than"},
        {"https://example.com＠127.0.0.1/", "characters other than"},
        {"https://example.com：22/", "characters other than"},
        {"https://☃.example/", "international host name that is not valid"},
        {"https://ⅩN--a.example/", "international host name that is not valid"},
        {"https://\xff\xfe.example/", "international host name that is not valid"},
        {"https://example.com/bücher", "outside ASCII after its host"},
        {"https://example.com/" + std::string(2048, 'a'), "longer than 2048 bytes"},
        {"https://" + std::string(64, 'a') + ".example/", "a part longer than 63 bytes"},
        {"https://" + std::string(300, '.') + "/", "host name longer than 253 bytes"},
    };
    for (const auto& [url, rule] : cases) {
        const std::string result = judged(url);
        EXPECT_TRUE(result.starts_with("refused: ")) << url << " → " << result;
        EXPECT_NE(result.find(rule), std::string::npos) << url << " → " << result;
    }
}

TEST(WebhookUrl, LimitsTheNormalizedTextToo) {
    const auto url = [](std::size_t size) {
        std::string text = "https://bücher.example/";
        return text.append(size - text.size(), 'a');
    };
    // Punycode is longer than what was typed.
    EXPECT_EQ(normal(url(2048)), "refused: webhook_url is longer than 2048 bytes");
    EXPECT_EQ(normal(url(2000)).substr(0, 30), "https://xn--bcher-kva.example/");
}

// Ordinary URLs, mixed with pieces that are used to deceive parsers.
rc::Gen<std::string> url_text() {
    using Strings = std::vector<std::string>;
    const auto plain = rc::gen::elementOf(
        Strings{"example", ".com", "com.", "1", "a-b", "8.8.8.8", "X", "xn--bcher-kva", "ü", "134744072"});
    const auto odd = rc::gen::elementOf(Strings{".",
                                                "..",
                                                "127",
                                                "0",
                                                "0x7f",
                                                "017",
                                                "[",
                                                "]",
                                                "::",
                                                "[::1]",
                                                ":",
                                                "@",
                                                "%25",
                                                "%2e",
                                                "\\",
                                                "\r\n",
                                                " ",
                                                "_",
                                                "xn--",
                                                "。",
                                                "．",
                                                "１",
                                                "\u00ad",
                                                "\u0430",
                                                "／",
                                                "#",
                                                "?",
                                                "localhost",
                                                "[2606:4700::1111]",
                                                "～"});
    const auto host_piece = rc::gen::weightedOneOf<std::string>({{6, plain}, {1, odd}});
    const auto tail =
        rc::gen::elementOf(Strings{"", "/", ":443", ":8443/x", ":65535?y", "/a@b", "?a=b", "/#", ":0",
                                   ":99999", "//x:1", "/'\"<>{}|^`", "/\xc3", "/a\\b", "/%00"});
    const auto scheme = rc::gen::weightedElement<std::string>(
        {{6, "https://"}, {2, "http://"}, {1, "HTTPS://"}, {1, "https:///"}, {1, "https:"}});
    return rc::gen::map(
        rc::gen::tuple(scheme, rc::gen::resize(4, rc::gen::container<Strings>(host_piece)), tail),
        [](const std::tuple<std::string, Strings, std::string>& parts) {
            std::string out = std::get<0>(parts);
            for (const std::string& piece : std::get<1>(parts)) out += piece;
            return out + std::get<2>(parts);
        });
}

TEST(WebhookUrl, AStoredUrlIsReadBackUnchanged) {
    int accepted = 0, refused = 0;
    EXPECT_TRUE(rc::check("the normal text is a fixed point", [&] {
        const auto texts = *rc::gen::container<std::vector<std::string>>(50, url_text());
        for (const std::string& text : texts) {
            const auto once = parse_webhook_url(text, lax());
            if (!once) {
                ++refused;
                RC_ASSERT(once.error().message.size() > 10U);
                continue;
            }
            ++accepted;
            const auto again = parse_webhook_url(once->url, lax());
            RC_ASSERT(again.has_value());
            RC_ASSERT(again->url == once->url);
            RC_ASSERT(again->scheme == once->scheme);
            RC_ASSERT(again->host == once->host);
            RC_ASSERT(again->port == once->port);
            if (const auto address = IpAddress::parse(once->host)) RC_ASSERT(!lax().guard.refuses(*address));
        }
    }));
    EXPECT_GT(accepted, refused / 10);
}

TEST(WebhookUrl, AHostThatResolvesToAForbiddenAddressIsRefusedAndOneThatDoesNotResolveIsNot) {
    const auto local = vet_webhook_url("https://localhost/", policy(), 5000);
    ASSERT_FALSE(local);
    EXPECT_NE(local.error().message.find("localhost resolves to"), std::string::npos)
        << local.error().message;
    EXPECT_FALSE(vet_webhook_url("https://hook.localhost/", policy(), 5000));
    EXPECT_FALSE(vet_webhook_url("https://LOCALHOST./", policy(), 5000));
    EXPECT_TRUE(vet_webhook_url("https://no-such-host.invalid/", policy(), 5000));
}

}  // namespace
}  // namespace pricewire::net
