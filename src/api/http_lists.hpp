#pragma once

#include <string>
#include <string_view>

// Comma-separated lists (RFC 9110, section 5.6.1). A null pointer is a missing header.
namespace pricewire::api {

// Whether the client accepts gzip (RFC 9110, section 12.5.3). Without the header gzip would be allowed, but
// few clients that omit it can decode it.
bool accepts_gzip(const std::string* accept_encoding);

// Whether If-None-Match lists this quoted tag, by weak comparison (RFC 9110, section 13.1.2).
bool names_etag(const std::string* if_none_match, std::string_view etag);

}  // namespace pricewire::api
