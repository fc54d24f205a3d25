#include "net/allowed_hosts.hpp"

#include <gtest/gtest.h>

namespace pricewire::net {
namespace {

TEST(AllowedHosts, AddressesAndLocalhostAreAlwaysAllowedAndOtherNamesAreNot) {
    const AllowedHosts hosts({});
    for (const char* host :
         {"127.0.0.1", "10.1.2.3", "::1", "2001:db8::1", "localhost", "localhost.", "page.localhost", ""}) {
        EXPECT_TRUE(hosts.allows(host)) << host;
    }
    for (const char* host :
         {"rebind.example", "rebind.example.", "localhost.example", "notlocalhost", "127.1",
          "127.0.0.1.example", "0x7f000001", "2130706433", ".", "..", "::1.example"}) {
        EXPECT_FALSE(hosts.allows(host)) << host;
    }
}

TEST(AllowedHosts, NamesMatchWholeOrBelowAStar) {
    const AllowedHosts hosts({"API.example.com", "*.Example.org"});
    EXPECT_TRUE(hosts.allows("api.example.com"));
    EXPECT_TRUE(hosts.allows("api.example.com."));
    EXPECT_TRUE(hosts.allows("a.b.example.org"));
    for (const char* host :
         {"x.api.example.com", "example.com", "example.org", ".example.org.evil.test", "evilexample.org"}) {
        EXPECT_FALSE(hosts.allows(host)) << host;
    }
    EXPECT_TRUE(AllowedHosts({"*"}).allows("anything.example"));
}

TEST(AllowedHosts, APatternIsAHostNameWithoutPort) {
    for (const char* good : {"*", "api", "api.example.com", "*.example.com", "xn--bcher-kva.example", "a_b"})
        EXPECT_TRUE(AllowedHosts::is_pattern(good)) << good;
    for (const char* bad :
         {"", "*.", "a.*", "*a", "api:8000", "https://api", "a..b", ".a", "a.", "a b", "bücher.de"})
        EXPECT_FALSE(AllowedHosts::is_pattern(bad)) << bad;
}

}  // namespace
}  // namespace pricewire::net
