#pragma once

#include <string_view>

#include "base/result.hpp"

namespace pricewire::api {

// Whether the text can be a mailbox address: local-part@domain of RFC 5321, section 4.1.2, without quoted
// local parts and address literals, plus the non-ASCII characters of RFC 6531. At most 254 bytes in total and
// 64 before the @; a domain of at least two labels, the last not a number. No display name, comment, spaces
// or invisible characters. `text` must be valid UTF-8. The error is a message for the user.
Result<void> check_email(std::string_view text);

}  // namespace pricewire::api
