#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pricewire::api {

// A mailbox address, local-part@domain of RFC 5321, section 4.1.2, as it is stored: its domain, if it is
// international, in its xn-- form. One mailbox has one such text but for the case of ASCII letters, which the
// storage ignores. The local part is ASCII, without quotes; at most 254 bytes in all and 64 before the
// @-sign; a domain of at least two labels, the last not a number. No display name, comment, spaces or
// invisible characters. `text` must be valid UTF-8. The error is a message for the user.
Result<std::string> parse_email(std::string_view text);

// The texts under which the user of an address may be stored, by this version or by earlier ones, which
// stored it as it was typed. `text` comes first.
std::vector<std::string> email_spellings(std::string_view text);

}  // namespace pricewire::api
