#include "net/ip_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace pricewire::net {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress IpAddress::v4(const std::uint8_t* four) {
    IpAddress out;
    std::copy(v4_prefix.begin(), v4_prefix.end(), out.bytes.begin());
    std::copy_n(four, 4, out.bytes.begin() + 12);
    return out;
}

bool IpAddress::is_v4() const {
    return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes.begin());
}

IpAddress IpAddress::client() const {
    IpAddress out = *this;
    if (!is_v4()) std::fill(out.bytes.begin() + 8, out.bytes.end(), std::uint8_t{0});
    return out;
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
    if (inet_pton(AF_INET, copy.c_str(), four.data()) == 1) return IpAddress::v4(four.data());
    IpAddress out;
    if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
    return std::nullopt;
}

std::optional<IpAddress> IpAddress::from_sockaddr(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        sockaddr_in in;
        std::memcpy(&in, &address, sizeof in);
        return IpAddress::v4(reinterpret_cast<const std::uint8_t*>(&in.sin_addr));
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
    if (address.is_v4() != is_v4()) return false;
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
    return fmt::format("{}/{}", base.to_string(), is_v4() ? prefix - 96 : prefix);
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
    const auto prefix = slash == std::string_view::npos ? bits : parse_number<int>(text.substr(slash + 1));
    if (!prefix || *prefix < 0 || *prefix > bits) return bad();
    return Network{*address, *prefix + 128 - bits};
}

}  // namespace pricewire::net
