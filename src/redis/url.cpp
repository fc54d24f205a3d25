#include "redis/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "base/text.hpp"

namespace pricewire::redis {
namespace {

constexpr std::size_t longest_url = 2048;
constexpr int most_databases = 1'000'000;

std::optional<int> number(std::string_view text, int lowest, int highest) {
    const auto value = parse_number<int>(text);
    return value && *value >= lowest && *value <= highest ? value : std::nullopt;
}

bool is_host(std::string_view text, bool bracketed) {
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [&](char c) {
        return is_alphanumeric(c) || c == '.' || c == '-' || c == '_' ||
               (bracketed && (c == ':' || c == '%'));
    });
}

}  // namespace

std::string Address::text() const {
    return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                               : fmt::format("[{}]:{}", host, port);
}

Result<Address> parse_url(std::string_view text) {
    static constexpr std::string_view scheme = "redis://";
    if (text.starts_with("rediss://")) {
        return fail(
            "TLS to Redis (rediss://) is not supported, since Debian's client library lacks it; "
            "use redis:// within a private network or through a tunnel");
    }
    if (!text.starts_with(scheme)) return fail("a Redis URL starts with redis://");
    if (text.size() > longest_url) return fail("the Redis URL is too long");
    text.remove_prefix(scheme.size());
    if (text.find_first_of("?#") != std::string_view::npos)
        return fail("a Redis URL has no query or fragment; in a password, write '?' as %3F and '#' as %23");

    Address out;
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        const std::string_view db = text.substr(slash + 1);
        if (!db.empty()) {
            const auto value = number(db, 0, most_databases);
            if (!value) return fail("the path of a Redis URL is the number of a database, as in /0");
            out.db = *value;
        }
        text = text.substr(0, slash);
    }
    if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        const std::string_view entry = text.substr(0, at);
        text.remove_prefix(at + 1);
        const auto colon = entry.find(':');
        if (colon == std::string_view::npos)
            return fail("a Redis URL with a user needs a password: redis://user:password@host");
        auto user = percent_decode_strictly(entry.substr(0, colon));
        auto password = percent_decode_strictly(entry.substr(colon + 1));
        if (!user || !password)
            return fail("the user or password in the Redis URL has invalid percent-encoding");
        if (!user->empty() && password->empty()) return fail("the Redis URL has a user without a password");
        out.user = std::move(*user);
        out.password = std::move(*password);
    }
    std::string_view port;
    const bool bracketed = text.starts_with('[');
    if (bracketed) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return fail("the address in the Redis URL has no closing bracket");
        port = text.substr(end + 1);
        text = text.substr(1, end - 1);
    } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
        port = text.substr(colon);
        text = text.substr(0, colon);
    }
    if (!is_host(text, bracketed)) return fail("the Redis URL has no valid host");
    out.host = text;
    if (!port.empty()) {
        const auto value = port[0] == ':' ? number(port.substr(1), 1, 65535) : std::nullopt;
        if (!value) return fail("the port in the Redis URL is not a number from 1 to 65535");
        out.port = static_cast<std::uint16_t>(*value);
    }
    return out;
}

Address address_of(std::string_view url) {
    auto address = parse_url(url);
    if (!address) throw std::invalid_argument(address.error().message);
    return *std::move(address);
}

}  // namespace pricewire::redis
