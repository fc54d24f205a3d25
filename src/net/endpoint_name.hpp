#pragma once

#include <string>
#include <string_view>

namespace pricewire::net {

// "https://example.com:443" of "https://Example.com/hook": scheme, host and port, which make an endpoint;
// what its breaker and its lane are kept under. For a URL that parse_webhook_url() has accepted; empty if
// the text is not such a URL.
std::string endpoint_name(std::string_view webhook_url);

// The same as the header Origin has it (RFC 6454): "https://example.com", with the port unless it is the scheme's own.
std::string origin_of(std::string_view url);

}  // namespace pricewire::net
