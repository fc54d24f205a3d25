#pragma once

#include <string>
#include <string_view>
#include <vector>

// Lists with commas (RFC 9110 §5.6.1). A null pointer is a header that was not sent.
namespace pricewire::api {

// The items, without those that are empty.
std::vector<std::string_view> comma_list(std::string_view text);

// RFC 9110 §12.5.3: whether gzip may be sent. Without the header it could be, but who does not name it seldom
// can read it.
bool accepts_gzip(const std::string* accept_encoding);

// RFC 9110 §13.1.2: whether If-None-Match names this tag (quoted), by the weak comparison.
bool names_etag(const std::string* if_none_match, std::string_view etag);

}  // namespace pricewire::api
