#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/address_guard.hpp"

namespace pricewire::net {

// Which URLs a webhook may have. Immutable, any thread.
struct UrlPolicy {
    bool allow_http = false;
    std::vector<std::pair<std::uint16_t, std::uint16_t>> allow_ports{{80, 80}, {443, 443}, {8443, 8443}};
    AddressGuard guard{};
    std::vector<std::string> dns_servers{};  // as in HttpClientOptions
    // Whether the token of a URL that own_token() recognizes is one to which webhooks may be sent. They go to no network
    // then, so the URL may have any scheme, port and host. Empty: none is.
    std::function<bool(std::string_view token)> keeps{};
};

struct WebhookUrl {
    std::string scheme;  // "https" or "http"
    std::string host;    // lower case, ASCII (xn-- if international), no trailing dot, no brackets
    std::uint16_t port = 443;
    // The form to store and request: scheme and host spelled as above (an address in its usual form,
    // IPv6 in brackets), the rest as it was written. Parsing it again gives the same four members.
    std::string url;
};

// The token in a URL whose path is /try/TOKEN, 43 characters of base64url, with nothing behind it: the form of this
// program's own addresses that keep what they are sent. Whether one is, the URL does not say.
std::optional<std::string_view> own_token(std::string_view url);

// Judges the text alone: absolute http(s) URL of at most 2,048 bytes, no userinfo, no fragment, no control
// characters, spaces or backslashes, ASCII after the host, a port from the list, and, if the host is an
// address in any spelling that a resolver would take (RFC 3986 §7.4, inet_aton(3)), an address the guard
// allows. An international name is taken as UTS 46 maps it (non-transitional) and then judged as ASCII.
// Error: the rule that refuses it, in words for the user.
Result<WebhookUrl> parse_webhook_url(std::string_view text, const UrlPolicy& policy);

// parse_webhook_url, then the host's addresses: refused if any of them is. A host that does not resolve
// within `deadline_ms` is accepted; its addresses are checked at connect. Blocking.
Result<WebhookUrl> vet_webhook_url(std::string_view text, const UrlPolicy& policy, int deadline_ms);

}  // namespace pricewire::net
