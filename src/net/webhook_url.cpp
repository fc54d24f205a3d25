#include "net/webhook_url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/text.hpp"
#include "net/host_name.hpp"
#include "net/resolver.hpp"

namespace pricewire::net {
namespace {

constexpr std::size_t max_url = 2048;
constexpr std::size_t max_host = 253;  // RFC 1035 §2.3.4, without the root's dot
constexpr std::size_t max_label = 63;

std::string describe(const std::vector<std::pair<std::uint16_t, std::uint16_t>>& ports) {
    std::string out;
    for (const auto& [first, last] : ports) {
        if (!out.empty()) out += ", ";
        out += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    }
    return out;
}

// Characters that no part of a URL may contain. Characters outside ASCII are checked later, by position.
std::optional<std::string> odd_character(std::string_view text) {
    for (const char c : text) {
        if (c == '\r' || c == '\n') return "webhook_url must not contain line breaks (CR, LF)";
        if (c == ' ' || c == '\t') return "webhook_url must not contain spaces or tabs";
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return "webhook_url must not contain control characters";
        if (c == '\\') return "webhook_url must not contain backslashes";
    }
    return std::nullopt;
}

// The three parts in which a URL's text is judged; what follows the host and port goes out as it came.
struct Parts {
    std::string scheme;
    std::string_view authority;
    std::string_view rest;
};

std::optional<Parts> split(std::string_view text) {
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    const std::size_t start = colon + 3;
    const std::size_t end = std::min(text.find_first_of("/?#", start), text.size());
    if (end == start) return std::nullopt;
    return Parts{lower_case(text.substr(0, colon)), text.substr(start, end - start), text.substr(end)};
}

Result<std::string> to_ascii(std::string_view name) {
    auto out = ascii_host(name);
    if (!out) {
        return fail(fmt::format("webhook_url has an international host name that is not valid ({})",
                                out.error().message));
    }
    return out;
}

// Whether resolvers take the name for a number: WHATWG URL, "ends in a number".
bool ends_in_number(std::string_view host) {
    const std::string_view label = host.substr(host.rfind('.') + 1);
    return std::all_of(label.begin(), label.end(), is_digit) || label.starts_with("0x");
}

std::optional<std::string> bad_name(std::string_view host) {
    if (host.empty()) return "webhook_url has no host name";
    if (host.size() > max_host)
        return fmt::format("webhook_url has a host name longer than {} bytes", max_host);
    std::size_t label_size = 0;
    for (const char c : host) {
        const bool plain = (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
        if (!plain && c != '.') {
            return "webhook_url has a host name with characters other than letters, digits, '-' and '.'";
        }
        if (c == '.' && label_size == 0) return "webhook_url has a host name with an empty part between dots";
        label_size = c == '.' ? 0 : label_size + 1;
        if (label_size > max_label) {
            return fmt::format("webhook_url has a host name with a part longer than {} bytes", max_label);
        }
    }
    if (label_size == 0) return "webhook_url has a host name with an empty part between dots";
    return std::nullopt;
}

struct Host {
    std::string text;                  // without brackets
    std::optional<IpAddress> address;  // if it is one
};

Result<Host> read_bracketed(std::string_view inside) {
    if (inside.find('%') != std::string_view::npos) return fail("webhook_url must not contain a zone id (%)");
    const auto address = IpAddress::parse(inside);
    if (!address || inside.find(':') == std::string_view::npos)
        return fail("webhook_url has no valid IPv6 address");
    return Host{address->to_string(), address};
}

Result<Host> read_name(std::string_view typed) {
    if (typed.find('%') != std::string_view::npos)
        return fail("webhook_url must not contain a percent-encoded host name");
    auto name = to_ascii(typed);
    if (!name) return std::unexpected(name.error());
    // One trailing dot marks a full name; it is resolved, and certified, as the name without it.
    if (name->ends_with('.')) name->pop_back();
    if (const auto reason = bad_name(*name)) return fail(*reason);
    if (!ends_in_number(*name)) return Host{std::move(*name), std::nullopt};
    // inet_aton() is what a resolver reads 2130706433, 0x7f.1 and 017700000001 with.
    in_addr four{};
    if (inet_aton(name->c_str(), &four) == 0)
        return fail("webhook_url has a host that is neither a name nor an address");
    const auto address = IpAddress::v4(reinterpret_cast<const std::uint8_t*>(&four));
    return Host{address.to_string(), address};
}

struct Authority {
    Host host;
    std::string_view port;  // empty if there is none
};

Result<Authority> read_authority(std::string_view text) {
    if (text.find('@') != std::string_view::npos)
        return fail("webhook_url must not contain a user name or password");
    const bool bracketed = text.starts_with('[');
    const std::size_t host_end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
    if (host_end == std::string_view::npos) return fail("webhook_url has no valid IPv6 address");
    auto host =
        bracketed ? read_bracketed(text.substr(1, host_end - 1)) : read_name(text.substr(0, host_end));
    if (!host) return std::unexpected(host.error());
    const std::string_view after = text.substr(host_end + (bracketed ? 1 : 0));
    if (after.empty()) return Authority{std::move(*host), {}};
    const std::string_view port = after.substr(1);
    const bool number = !port.empty() && port.size() <= 5 &&
                        std::all_of(port.begin(), port.end(), is_digit) &&
                        (port == "0" || port.front() != '0');
    if (after.front() != ':' || !number) return fail("webhook_url has no valid port");
    return Authority{std::move(*host), port};
}

std::optional<std::uint16_t> read_port(std::string_view digits, const std::string& scheme) {
    if (digits.empty()) return scheme == "https" ? 443 : 80;
    return parse_number<std::uint16_t>(digits);
}

// libcurl sends the request and parses the URL again: a text that it reads as another target than the one
// that was judged, and is shown, is refused.
bool curl_agrees(const WebhookUrl& judged, bool is_v6, std::string_view rest) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle(curl_url(), &curl_url_cleanup);
    if (!handle) throw std::bad_alloc();
    // The flags that libcurl parses CURLOPT_URL with.
    const CURLUcode code = curl_url_set(handle.get(), CURLUPART_URL, judged.url.c_str(),
                                        CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS);
    if (code == CURLUE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLUE_OK) return false;
    const auto part = [&](CURLUPart what, unsigned flags = 0) -> std::optional<std::string> {
        char* text = nullptr;
        if (curl_url_get(handle.get(), what, &text, flags) != CURLUE_OK) return std::nullopt;
        const std::unique_ptr<char, decltype(&curl_free)> owned(text, &curl_free);
        return std::string(text);
    };
    const std::string_view path = rest.substr(0, rest.find('?'));
    const std::string_view query = path.size() < rest.size() ? rest.substr(path.size() + 1) : "";
    return part(CURLUPART_PATH) == (path.empty() ? "/" : path) &&
           part(CURLUPART_QUERY).value_or("") == query && part(CURLUPART_SCHEME) == judged.scheme &&
           part(CURLUPART_HOST) == (is_v6 ? "[" + judged.host + "]" : judged.host) &&
           part(CURLUPART_PORT, CURLU_DEFAULT_PORT) == std::to_string(judged.port) && !part(CURLUPART_USER) &&
           !part(CURLUPART_PASSWORD) && !part(CURLUPART_FRAGMENT) && !part(CURLUPART_ZONEID);
}

std::unexpected<Error> not_allowed(std::string_view reason) {
    return fail(
        fmt::format("webhook_url is not allowed: {}; whoever runs this server can allow private networks "
                    "with delivery.allow_networks",
                    reason));
}

}  // namespace

std::optional<std::string_view> own_token(std::string_view url) {
    constexpr std::size_t length = 43;
    const std::size_t authority = url.find("://");
    if (authority == std::string_view::npos) return std::nullopt;
    const std::size_t path = url.find('/', authority + 3);
    if (path == std::string_view::npos) return std::nullopt;
    std::string_view token = url.substr(path);
    if (!token.starts_with("/try/")) return std::nullopt;
    token.remove_prefix(5);
    const bool fits = token.size() == length && std::ranges::all_of(token, [](char c) {
                          return is_alphanumeric(c) || c == '-' || c == '_';
                      });
    return fits ? std::optional(token) : std::nullopt;
}

Result<WebhookUrl> parse_webhook_url(std::string_view text, const UrlPolicy& policy) {
    const auto too_long = [] { return fail(fmt::format("webhook_url is longer than {} bytes", max_url)); };
    const auto no_url = [] {
        return fail("webhook_url is not an absolute URL such as https://example.com/hook");
    };
    if (text.empty()) return fail("webhook_url must not be empty");
    if (text.size() > max_url) return too_long();
    if (const auto reason = odd_character(text)) return fail(*reason);
    const auto parts = split(text);
    if (!parts) return no_url();
    if (parts->scheme != "https" && parts->scheme != "http")
        return fail("webhook_url must start with https://");
    const auto token = policy.keeps ? own_token(text) : std::nullopt;
    const bool is_kept = token && policy.keeps(*token);
    if (parts->scheme == "http" && !policy.allow_http && !is_kept)
        return fail(
            "webhook_url must use https; whoever runs this server can allow http with delivery.allow_http");
    const auto authority = read_authority(parts->authority);
    if (!authority) return std::unexpected(authority.error());
    if (parts->rest.find('#') != std::string_view::npos)
        return fail("webhook_url must not contain a fragment (#)");
    if (!is_ascii(parts->rest)) {
        return fail(
            "webhook_url must not contain characters outside ASCII after its host; percent-encode them");
    }
    const auto port = read_port(authority->port, parts->scheme);
    if (!port) return fail("webhook_url has no valid port");
    const auto allows = [&](const auto& range) { return range.first <= *port && *port <= range.second; };
    if (!is_kept && std::ranges::none_of(policy.allow_ports, allows)) {
        return fail(
            fmt::format("port {} is not allowed; allowed: {}; whoever runs this server can allow more with "
                        "delivery.allow_ports",
                        *port, describe(policy.allow_ports)));
    }
    const Host& host = authority->host;
    if (host.address && !is_kept) {
        if (const auto reason = policy.guard.refuses(*host.address)) return not_allowed(*reason);
    }
    const bool is_v6 = host.address && !host.address->is_v4();
    WebhookUrl out{.scheme = parts->scheme, .host = host.text, .port = *port, .url = {}};
    out.url = fmt::format("{}://{}{}{}{}{}{}", out.scheme, is_v6 ? "[" : "", out.host, is_v6 ? "]" : "",
                          authority->port.empty() ? "" : ":", authority->port, parts->rest);
    if (out.url.size() > max_url) return too_long();
    if (!curl_agrees(out, is_v6, parts->rest)) return no_url();
    return out;
}

Result<WebhookUrl> vet_webhook_url(std::string_view text, const UrlPolicy& policy, int deadline_ms) {
    auto url = parse_webhook_url(text, policy);
    if (!url) return url;
    if (const auto token = own_token(url->url); token && policy.keeps && policy.keeps(*token)) return url;
    const auto addresses = resolve(url->host, deadline_ms, policy.dns_servers);
    if (!addresses) return url;  // judged at connect
    for (const IpAddress& address : *addresses) {
        if (const auto reason = policy.guard.refuses(address)) {
            return not_allowed(fmt::format("{} resolves to {}", url->host, *reason));
        }
    }
    return url;
}

}  // namespace pricewire::net
