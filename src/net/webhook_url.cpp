#include "net/webhook_url.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <memory>
#include <optional>

namespace pricewire::net {
namespace {

constexpr std::size_t max_url = 2048;

// libcurl sends the request, so libcurl's parser decides what the URL means.
class CurlUrl {
public:
    CurlUrl() { handle_.reset(curl_url()); }
    bool set(const std::string& text) {
        return curl_url_set(handle_.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) ==
               CURLUE_OK;
    }
    std::optional<std::string> part(CURLUPart what, unsigned flags = 0) const {
        char* text = nullptr;
        if (curl_url_get(handle_.get(), what, &text, flags) != CURLUE_OK) return std::nullopt;
        std::string out(text);
        curl_free(text);
        return out;
    }
    explicit operator bool() const { return handle_ != nullptr; }

private:
    std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> handle_{nullptr, &curl_url_cleanup};
};

std::string describe(const std::vector<std::pair<std::uint16_t, std::uint16_t>>& ports) {
    std::string out;
    for (const auto& [first, last] : ports) {
        if (!out.empty()) out += ", ";
        out += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    }
    return out;
}

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

}  // namespace

Result<WebhookUrl> parse_webhook_url(std::string_view text, const UrlPolicy& policy) {
    if (text.empty()) return fail("webhook_url must not be empty");
    if (text.size() > max_url) return fail(fmt::format("webhook_url is longer than {} bytes", max_url));
    const auto odd = [](unsigned char c) { return c <= 0x20 || c >= 0x7f || c == '\\'; };
    if (std::any_of(text.begin(), text.end(), odd)) {
        return fail(
            "webhook_url must not contain spaces, control characters, backslashes or characters outside "
            "ASCII");
    }
    // curl forgives a slash too few or too many; a URL that needs forgiving is refused.
    const std::size_t host_at = text.find("://") + 3;
    const bool strict = text.find(':') + 3 == host_at && host_at < text.size() && text[host_at] != '/';
    CurlUrl url;
    if (!url || !strict || !url.set(std::string(text))) {
        return fail("webhook_url is not an absolute URL such as https://example.com/hook");
    }
    WebhookUrl out;
    out.scheme = url.part(CURLUPART_SCHEME).value_or("");
    if (out.scheme != "https" && out.scheme != "http") return fail("webhook_url must start with https://");
    if (out.scheme == "http" && !policy.allow_http)
        return fail("webhook_url must use https; http is not allowed here");
    if (url.part(CURLUPART_USER) || url.part(CURLUPART_PASSWORD) ||
        text.find('@') < text.find_first_of("/?#", 8)) {
        return fail("webhook_url must not contain a user name or password");
    }
    if (text.find('#') != std::string_view::npos) return fail("webhook_url must not contain a fragment (#)");
    if (url.part(CURLUPART_ZONEID)) return fail("webhook_url must not contain a zone id");

    out.host = url.part(CURLUPART_HOST).value_or("");
    std::transform(out.host.begin(), out.host.end(), out.host.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const bool bracketed = out.host.starts_with('[') && out.host.ends_with(']');
    if (bracketed) out.host = out.host.substr(1, out.host.size() - 2);
    // One trailing dot marks a full name; it resolves, and is certified, as the name without it.
    if (!bracketed && out.host.ends_with('.')) out.host.pop_back();
    if (out.host.empty() || out.host.size() > 253 || out.host.starts_with('.') || out.host.ends_with('.')) {
        return fail("webhook_url has no valid host name");
    }
    if (!bracketed && !std::all_of(out.host.begin(), out.host.end(), is_host_character)) {
        return fail(
            "webhook_url has a host name with characters other than letters, digits, '-' and '.'; write an "
            "international name in its xn-- form");
    }
    const std::string port = url.part(CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or("");
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc{} || end != port.data() + port.size())
        return fail("webhook_url has no valid port");
    const bool allowed =
        std::any_of(policy.allow_ports.begin(), policy.allow_ports.end(),
                    [&](const auto& range) { return range.first <= out.port && out.port <= range.second; });
    if (!allowed) {
        return fail(
            fmt::format("port {} is not allowed; allowed: {}", out.port, describe(policy.allow_ports)));
    }

    // curl writes numeric hosts (2130706433, 0x7f.1, 017700000001) as dotted quads; a name that ends in
    // digits but is none would be read as a number by some resolver.
    const auto literal = IpAddress::parse(out.host);
    if (bracketed && !literal) return fail("webhook_url has no valid IPv6 address");
    if (literal) {
        if (const auto reason = policy.guard.refuses(*literal))
            return fail("webhook_url is not allowed: " + *reason);
    } else {
        const std::size_t last = out.host.rfind('.') + 1;
        const std::string_view label = std::string_view(out.host).substr(last);
        const bool numeric =
            std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
            label.starts_with("0x");
        if (numeric) return fail("webhook_url has a host that is neither a name nor an address");
    }
    return out;
}

Result<WebhookUrl> vet_webhook_url(std::string_view text, const UrlPolicy& policy, int deadline_ms) {
    auto url = parse_webhook_url(text, policy);
    if (!url) return url;
    const auto addresses = resolve(url->host, deadline_ms);
    if (!addresses) return url;  // judged at connect
    for (const IpAddress& address : *addresses) {
        if (const auto reason = policy.guard.refuses(address)) {
            return fail(fmt::format("webhook_url is not allowed: {} resolves to {}", url->host, *reason));
        }
    }
    return url;
}

}  // namespace pricewire::net
