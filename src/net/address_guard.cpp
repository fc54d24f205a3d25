#include "net/address_guard.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace pricewire::net {
namespace {

struct Rule {
    const char* network;
    const char* what;
};

// https://www.iana.org/assignments/iana-ipv4-special-registry and, for 168.63.129.16, Azure's documentation.
constexpr Rule v4_rules[] = {
    {"0.0.0.0/8", "an address of this network"},
    {"10.0.0.0/8", "a private address"},
    {"100.64.0.0/10", "a carrier's shared address"},
    {"127.0.0.0/8", "a loopback address"},
    {"169.254.169.254/32", "a cloud metadata address"},
    {"169.254.0.0/16", "a link-local address"},
    {"172.16.0.0/12", "a private address"},
    {"192.0.0.0/24", "a protocol assignment"},
    {"192.0.2.0/24", "a documentation address"},
    {"192.88.99.0/24", "a 6to4 relay address"},
    {"192.168.0.0/16", "a private address"},
    {"198.18.0.0/15", "a benchmarking address"},
    {"198.51.100.0/24", "a documentation address"},
    {"203.0.113.0/24", "a documentation address"},
    {"224.0.0.0/4", "a multicast address"},
    {"240.0.0.0/4", "a reserved or broadcast address"},
    {"168.63.129.16/32", "a cloud metadata address"},
};

// https://www.iana.org/assignments/iana-ipv6-special-registry; outside 2000::/3 nothing is global unicast.
constexpr Rule v6_rules[] = {
    {"::/128", "the unspecified address"},
    {"::1/128", "a loopback address"},
    {"64:ff9b:1::/48", "an address of local NAT64 translation"},
    {"fe80::/10", "a link-local address"},
    {"fec0::/10", "a site-local address"},
    {"fc00::/7", "a private address"},
    {"ff00::/8", "a multicast address"},
    {"2001::/32", "a Teredo address"},
    {"2001::/23", "a protocol assignment"},
    {"2001:db8::/32", "a documentation address"},
    {"2002::/16", "a 6to4 address"},
    {"3fff::/20", "a documentation address"},
};

struct ParsedRule {
    Network network;
    const Rule* rule;
};

template <std::size_t N>
std::vector<ParsedRule> parse_rules(const Rule (&rules)[N]) {
    std::vector<ParsedRule> out;
    for (const Rule& rule : rules) out.push_back({Network::parse(rule.network).value(), &rule});
    return out;
}

// The IPv4 address that an IPv6 address carries. Mapped addresses are IPv4 already.
struct Embedded {
    IpAddress v4;
    bool decides;  // the IPv6 address is allowed where this one is, though it lies outside 2000::/3
};

std::optional<Embedded> embedded_v4(const IpAddress& address) {
    static const Network unspecified_and_loopback = Network::parse("::/127").value();
    static const Network compatible = Network::parse("::/96").value();            // RFC 4291 §2.5.5.1
    static const Network translated = Network::parse("::ffff:0:0:0/96").value();  // RFC 2765 §2.1
    static const Network nat64 = Network::parse("64:ff9b::/96").value();          // RFC 6052 §2.1
    if (address.is_v4() || unspecified_and_loopback.contains(address)) return std::nullopt;
    const IpAddress inside = IpAddress::v4(address.bytes.data() + 12);
    if (nat64.contains(address)) return Embedded{inside, true};
    if (compatible.contains(address) || translated.contains(address)) return Embedded{inside, false};
    // ISATAP (RFC 5214 §6.1) tunnels to the last four bytes, under any prefix.
    const auto* id = address.bytes.data() + 8;
    if ((id[0] & 0xfd) == 0 && id[1] == 0 && id[2] == 0x5e && id[3] == 0xfe) return Embedded{inside, false};
    return std::nullopt;
}

const ParsedRule* rule_against(const IpAddress& address) {
    static const std::vector<ParsedRule> v4 = parse_rules(v4_rules);
    static const std::vector<ParsedRule> v6 = parse_rules(v6_rules);
    const auto& rules = address.is_v4() ? v4 : v6;
    const auto found = std::find_if(rules.begin(), rules.end(),
                                    [&](const ParsedRule& r) { return r.network.contains(address); });
    return found == rules.end() ? nullptr : &*found;
}

}  // namespace

AddressGuard::AddressGuard(std::vector<Network> allowed, std::shared_ptr<OwnAddresses> own)
    : allowed_(std::make_shared<const std::vector<Network>>(std::move(allowed))), own_(std::move(own)) {}

std::optional<std::string> AddressGuard::refuses(const IpAddress& address) const {
    if (std::any_of(allowed_->begin(), allowed_->end(),
                    [&](const Network& n) { return n.contains(address); })) {
        return std::nullopt;
    }
    if (const ParsedRule* parsed = rule_against(address)) {
        return fmt::format("{} is {} ({})", address.to_string(), parsed->rule->what, parsed->rule->network);
    }
    if (own_->contains(address)) return address.to_string() + " is an address of this machine";
    if (const auto embedded = embedded_v4(address)) {
        if (const auto reason = refuses(embedded->v4)) return address.to_string() + " carries " + *reason;
        if (embedded->decides) return std::nullopt;
    }
    static const Network global_v6 = Network::parse("2000::/3").value();
    if (!address.is_v4() && !global_v6.contains(address)) {
        return fmt::format("{} is no global address (outside 2000::/3)", address.to_string());
    }
    return std::nullopt;
}

}  // namespace pricewire::net
