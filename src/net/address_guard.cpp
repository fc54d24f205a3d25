#include "net/address_guard.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace pricewire::net {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

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
    {"::/128", "the unspecified address"},        {"::1/128", "a loopback address"},
    {"fe80::/10", "a link-local address"},        {"fc00::/7", "a private address"},
    {"ff00::/8", "a multicast address"},          {"2001::/23", "a protocol assignment"},
    {"2001:db8::/32", "a documentation address"}, {"2002::/16", "a 6to4 address"},
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

IpAddress v4_from(const std::uint8_t* four) {
    IpAddress out;
    std::copy(v4_prefix.begin(), v4_prefix.end(), out.bytes.begin());
    std::copy_n(four, 4, out.bytes.begin() + 12);
    return out;
}

// The IPv4 address that an IPv6 address carries, where it is one of the forms that reach it: IPv4-compatible,
// IPv4-translated (RFC 2765), NAT64 (RFC 6052, RFC 8215). Mapped addresses are IPv4 already.
std::optional<IpAddress> embedded_v4(const IpAddress& address) {
    static const std::array<Network, 4> carriers{
        Network::parse("::/96").value(), Network::parse("::ffff:0:0:0/96").value(),
        Network::parse("64:ff9b::/96").value(), Network::parse("64:ff9b:1::/48").value()};
    static const IpAddress unspecified = IpAddress::parse("::").value();
    static const IpAddress loopback = IpAddress::parse("::1").value();
    if (address.is_v4() || address == unspecified || address == loopback) return std::nullopt;
    for (const Network& carrier : carriers) {
        if (carrier.contains(address)) return v4_from(address.bytes.data() + 12);
    }
    return std::nullopt;
}

}  // namespace

bool IpAddress::is_v4() const {
    return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes.begin());
}

std::string IpAddress::to_string() const {
    char text[INET6_ADDRSTRLEN] = {};
    if (is_v4()) {
        inet_ntop(AF_INET, bytes.data() + 12, text, sizeof text);
    } else {
        inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    }
    return text;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string copy(text);
    if (copy.size() != std::strlen(copy.c_str())) return std::nullopt;
    std::array<std::uint8_t, 4> four{};
    if (inet_pton(AF_INET, copy.c_str(), four.data()) == 1) return v4_from(four.data());
    IpAddress out;
    if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
    return std::nullopt;
}

std::optional<IpAddress> IpAddress::from_sockaddr(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        sockaddr_in in;
        std::memcpy(&in, &address, sizeof in);
        return v4_from(reinterpret_cast<const std::uint8_t*>(&in.sin_addr));
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 in;
        std::memcpy(&in, &address, sizeof in);
        IpAddress out;
        std::memcpy(out.bytes.data(), &in.sin6_addr, out.bytes.size());
        return out;
    }
    return std::nullopt;
}

bool Network::contains(const IpAddress& address) const {
    const auto whole = static_cast<std::size_t>(prefix / 8);
    if (!std::equal(base.bytes.begin(), base.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                    address.bytes.begin())) {
        return false;
    }
    const int rest = prefix % 8;
    if (rest == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
    return (base.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

std::string Network::to_string() const {
    return fmt::format("{}/{}", base.to_string(), base.is_v4() && prefix >= 96 ? prefix - 96 : prefix);
}

Result<Network> Network::parse(std::string_view text) {
    const auto bad = [&] {
        return fail(fmt::format("'{}' is not a network such as 10.0.0.0/8 or fd00::/8", text));
    };
    const std::size_t slash = text.find('/');
    const std::string_view address_text = text.substr(0, slash);
    const auto address = IpAddress::parse(address_text);
    if (!address) return bad();
    // "::ffff:10.0.0.0/104" counts its prefix in 128 bits, "10.0.0.0/8" in 32.
    const int bits = address->is_v4() && address_text.find(':') == std::string_view::npos ? 32 : 128;
    int prefix = bits;
    if (slash != std::string_view::npos) {
        const std::string_view number = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), prefix);
        if (error != std::errc{} || end != number.data() + number.size() || prefix < 0 || prefix > bits)
            return bad();
    }
    return Network{*address, prefix + 128 - bits};
}

std::optional<std::string> AddressGuard::refuses(const IpAddress& address) const {
    if (std::any_of(allowed_.begin(), allowed_.end(),
                    [&](const Network& n) { return n.contains(address); })) {
        return std::nullopt;
    }
    if (const auto inside = embedded_v4(address)) {
        if (const auto reason = refuses(*inside)) return address.to_string() + " carries " + *reason;
        return std::nullopt;
    }
    static const std::vector<ParsedRule> v4 = parse_rules(v4_rules);
    static const std::vector<ParsedRule> v6 = parse_rules(v6_rules);
    for (const ParsedRule& parsed : address.is_v4() ? v4 : v6) {
        if (parsed.network.contains(address)) {
            return fmt::format("{} is {} ({})", address.to_string(), parsed.rule->what, parsed.rule->network);
        }
    }
    static const Network global_v6 = Network::parse("2000::/3").value();
    if (!address.is_v4() && !global_v6.contains(address)) {
        return fmt::format("{} is no global address (outside 2000::/3)", address.to_string());
    }
    return std::nullopt;
}

}  // namespace pricewire::net
