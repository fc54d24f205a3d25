#include "net/address_guard.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>

namespace pricewire::net {
namespace {

IpAddress ip(const std::string& text) {
    const auto parsed = IpAddress::parse(text);
    if (!parsed) throw std::runtime_error("not an address: " + text);
    return *parsed;
}

// A machine with no address of its own but loopback, so that no test depends on where it runs.
std::shared_ptr<OwnAddresses> no_own() {
    return std::make_shared<OwnAddresses>([] { return std::vector<IpAddress>{}; });
}

AddressGuard opening(const std::vector<std::string>& networks) {
    std::vector<Network> parsed;
    for (const std::string& network : networks) parsed.push_back(Network::parse(network).value());
    return AddressGuard(std::move(parsed), no_own());
}

bool allowed(const std::string& text, const AddressGuard& guard = opening({})) {
    return !guard.refuses(ip(text));
}

TEST(AddressGuard, RefusesEveryRangeAtItsEdgesAndNothingElse) {
    // first and last address of a forbidden range, then its allowed neighbours, if any
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
    EXPECT_TRUE(allowed("64:ff9b::8.8.8.8"));
    EXPECT_EQ(opening({}).refuses(ip("64:ff9b::a9fe:a9fe")),
              "64:ff9b::a9fe:a9fe carries 169.254.169.254 is a cloud metadata address (169.254.169.254/32)");
}

TEST(AddressGuard, RefusesObsoleteFormsThatContainAnIpv4Address) {
    // IPv4-compatible and IPv4-translated lie outside 2000::/3 whatever they carry.
    for (const char* text : {"::127.0.0.1", "::8.8.8.8", "::ffff:0:192.168.0.1", "::ffff:0:8.8.8.8"})
        EXPECT_FALSE(allowed(text)) << text;
    // 6to4 and Teredo, with a public address and with a private one inside.
    for (const char* text : {"2002:7f00:1::1", "2002:808:808::1", "2001:0:808:808::80ff:fffe"})
        EXPECT_FALSE(allowed(text)) << text;
    // NAT64's local-use prefix: the IPv4 address may be at /48, /56, /64 or /96 (RFC 6052 §2.2).
    for (const char* text : {"64:ff9b:1::10.0.0.1", "64:ff9b:1::8.8.8.8",
                             "64:ff9b:1:7f00:0:100::", "64:ff9b:1:7f00:0:100:808:808"})
        EXPECT_FALSE(allowed(text)) << text;
    // ISATAP under a global prefix.
    EXPECT_FALSE(allowed("2400:1234::5efe:10.0.0.1"));
    EXPECT_FALSE(allowed("2400:1234::200:5efe:127.0.0.1"));
    EXPECT_TRUE(allowed("2400:1234::5efe:8.8.8.8"));
}

TEST(AddressGuard, AllowedNetworksOpenOnlyTheirAddresses) {
    const AddressGuard guard = opening({"10.1.2.0/24", "fd00:1::/32"});
    EXPECT_TRUE(allowed("10.1.2.0", guard));
    EXPECT_TRUE(allowed("10.1.2.255", guard));
    EXPECT_FALSE(allowed("10.1.3.0", guard));
    EXPECT_FALSE(allowed("10.1.1.255", guard));
    EXPECT_TRUE(allowed("fd00:1::5", guard));
    EXPECT_FALSE(allowed("fd00:2::5", guard));
    EXPECT_FALSE(allowed("127.0.0.1", guard));
}

TEST(AddressGuard, AnAllowedNetworkOpensItsAddressesInTheFormsJudgedByThem) {
    const AddressGuard guard = opening({"127.0.0.0/8"});
    EXPECT_TRUE(allowed("::ffff:127.0.0.1", guard));
    EXPECT_TRUE(allowed("64:ff9b::127.0.0.1", guard));
    EXPECT_FALSE(allowed("::127.0.0.1", guard));
    EXPECT_FALSE(allowed("::1", guard));
    EXPECT_TRUE(allowed("::ffff:10.0.0.1", opening({"::ffff:10.0.0.0/104"})));
    EXPECT_TRUE(allowed("10.0.0.1", opening({"::ffff:10.0.0.0/104"})));
}

TEST(AddressGuard, AnIpv6NetworkOpensNoIpv4Address) {
    const AddressGuard guard = opening({"::/0"});
    EXPECT_TRUE(allowed("::1", guard));
    EXPECT_TRUE(allowed("64:ff9b:1::10.0.0.1", guard));
    EXPECT_FALSE(allowed("127.0.0.1", guard));
    EXPECT_FALSE(allowed("::ffff:127.0.0.1", guard));
    EXPECT_FALSE(allowed("10.0.0.1", opening({"::ffff:0:0/95"})));
    EXPECT_FALSE(allowed("::1", opening({"0.0.0.0/0"})));
    EXPECT_TRUE(allowed("10.0.0.1", opening({"0.0.0.0/0"})));
}

TEST(AddressGuard, SaysWhichRuleRefuses) {
    EXPECT_EQ(opening({}).refuses(ip("127.0.0.1")), "127.0.0.1 is a loopback address (127.0.0.0/8)");
    EXPECT_EQ(opening({}).refuses(ip("169.254.169.254")),
              "169.254.169.254 is a cloud metadata address (169.254.169.254/32)");
    EXPECT_EQ(opening({}).refuses(ip("4000::1")), "4000::1 is no global address (outside 2000::/3)");
}

TEST(AddressGuard, RefusesThisMachinesOwnAddressesUnlessTheirNetworkIsNamed) {
    const auto own = std::make_shared<OwnAddresses>(
        [] { return std::vector<IpAddress>{ip("8.8.4.4"), ip("2606:4700::1"), ip("1.1.1.1")}; });
    const AddressGuard guard({}, own);
    EXPECT_EQ(guard.refuses(ip("8.8.4.4")), "8.8.4.4 is an address of this machine");
    EXPECT_FALSE(allowed("1.1.1.1", guard));
    EXPECT_FALSE(allowed("2606:4700::1", guard));
    EXPECT_EQ(guard.refuses(ip("64:ff9b::8.8.4.4")),
              "64:ff9b::808:404 carries 8.8.4.4 is an address of this machine");
    EXPECT_TRUE(allowed("8.8.8.8", guard));
    const AddressGuard open({Network::parse("8.8.4.0/24").value()}, own);
    EXPECT_TRUE(allowed("8.8.4.4", open));
    EXPECT_FALSE(allowed("1.1.1.1", open));
}

TEST(OwnAddresses, FollowTheMachineAndAreReadOnceAPeriod) {
    ManualClock clock;
    std::atomic<int> reads = 0;
    OwnAddresses own(
        [&]() -> Result<std::vector<IpAddress>> {
            return std::vector{ip(++reads == 1 ? "8.8.4.4" : "8.8.8.8")};
        },
        clock, std::chrono::seconds{5});
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(own.contains(ip("8.8.4.4")));
    clock.advance(std::chrono::seconds{4});
    EXPECT_FALSE(own.contains(ip("8.8.8.8")));
    EXPECT_EQ(reads, 1);
    clock.advance(std::chrono::seconds{1});
    EXPECT_TRUE(own.contains(ip("8.8.8.8")));
    EXPECT_FALSE(own.contains(ip("8.8.4.4")));
    EXPECT_EQ(reads, 2);
}

TEST(OwnAddresses, KeepTheLastListIfReadingFails) {
    ManualClock clock;
    bool fails = false;
    const auto read = [&]() -> Result<std::vector<IpAddress>> {
        if (fails) return fail("no descriptors");
        return std::vector{ip("8.8.4.4")};
    };
    OwnAddresses own(read, clock, std::chrono::seconds{5});
    fails = true;
    clock.advance(std::chrono::seconds{6});
    EXPECT_TRUE(own.contains(ip("8.8.4.4")));
    EXPECT_THROW(OwnAddresses(read, clock), std::runtime_error);
}

TEST(OwnAddresses, OfThisMachineHoldLoopback) {
    EXPECT_TRUE(OwnAddresses::of_this_machine()->contains(ip("127.0.0.1")));
    EXPECT_FALSE(OwnAddresses::of_this_machine()->contains(ip("8.8.8.8")));
}

TEST(OwnAddresses, AreThreadSafe) {
    OwnAddresses own([] { return std::vector{ip("8.8.4.4")}; }, system_clock(), Duration{1});
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 2000; ++n) wrong += own.contains(ip("8.8.4.4")) ? 0 : 1;
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
}

TEST(Network, ReadsCidrAndRefusesAnythingElse) {
    EXPECT_EQ(Network::parse("10.0.0.0/8").value().to_string(), "10.0.0.0/8");
    EXPECT_EQ(Network::parse("::1").value().to_string(), "::1/128");
    for (const char* text :
         {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::/129", "10.0.0.0/8x", "host/8", "1.2.3.4/"}) {
        EXPECT_FALSE(Network::parse(text)) << text;
    }
}

TEST(Network, HoldsAddressesOfItsOwnFamilyOnly) {
    EXPECT_TRUE(Network::parse("0.0.0.0/0").value().contains(ip("1.2.3.4")));
    EXPECT_FALSE(Network::parse("0.0.0.0/0").value().contains(ip("::1")));
    EXPECT_TRUE(Network::parse("::/0").value().contains(ip("::1")));
    EXPECT_FALSE(Network::parse("::/0").value().contains(ip("1.2.3.4")));
}

}  // namespace
}  // namespace pricewire::net
