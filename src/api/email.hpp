#pragma once

#include <string_view>

#include "base/result.hpp"

namespace pricewire::api {

// Whether it could be the address of a mailbox: local-part@domain as RFC 5321 §4.1.2 has it without quoted
// local parts and address literals, with the letters of other scripts that RFC 6531 adds. At most 254 bytes
// in all and 64 before the @; a domain of at least two labels whose last is not a number. No display name, no
// comment, no spaces and nothing invisible. `text` is valid UTF-8. The error says what is wrong, for the
// user.
Result<void> check_email(std::string_view text);

}  // namespace pricewire::api
