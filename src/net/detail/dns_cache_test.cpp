#include "net/detail/dns_cache.hpp"

#include <gtest/gtest.h>

namespace pricewire::net::detail {
namespace {

using namespace std::chrono_literals;

const MonoTime start{std::chrono::hours{1}};
const Addresses one{IpAddress::parse("192.0.2.1").value()};

TEST(DnsCache, AnAnswerIsKeptForItsTtlWithinLimits) {
    DnsCache cache(10);
    cache.put("usual", one, 10s, start);
    cache.put("short", one, 0s, start);
    cache.put("long", one, 24h, start);
    cache.put("none", fail("no such name"), 24h, start);
    const auto known = [&](const char* host, Duration after) {
        return cache.find(host, start + after) != nullptr;
    };
    EXPECT_TRUE(known("short", 999ms));
    EXPECT_FALSE(known("short", 1s));
    EXPECT_TRUE(known("none", 1999ms));
    EXPECT_FALSE(known("none", 2s));
    EXPECT_TRUE(known("usual", 9999ms));
    EXPECT_FALSE(known("usual", 10s));
    EXPECT_TRUE(known("long", 29999ms));
    EXPECT_FALSE(known("long", 30s));
    EXPECT_EQ(cache.size(), 0U) << "expired entries are removed";
    EXPECT_EQ(cache.find("never", start), nullptr);
}

TEST(DnsCache, IsBoundedAndDropsTheOldest) {
    DnsCache cache(3);
    for (const char* host : {"a", "b", "c"}) cache.put(host, one, 30s, start);
    cache.put("a", fail("gone"), 30s, start);
    EXPECT_FALSE(cache.find("a", start)->has_value()) << "the newer answer counts";
    cache.put("d", one, 30s, start);
    EXPECT_EQ(cache.size(), 3U);
    EXPECT_EQ(cache.find("b", start), nullptr);
    EXPECT_NE(cache.find("a", start), nullptr);
    for (int i = 0; i < 1000; ++i) cache.put("host" + std::to_string(i), one, 30s, start);
    EXPECT_EQ(cache.size(), 3U);
    DnsCache none(0);
    none.put("a", one, 30s, start);
    EXPECT_EQ(none.size(), 0U);
}

}  // namespace
}  // namespace pricewire::net::detail
