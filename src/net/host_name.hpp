#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pricewire::net {

// A host name as it was typed, in UTF-8, in its ASCII form (IDNA 2008, UTS 46) and lower case. UTS 46 maps
// look-alikes of digits, dots and slashes to the ASCII ones, so the result is to be judged like any other
// text. Error: the reason.
Result<std::string> ascii_host(std::string_view name);

// The international form of an ASCII name; the name itself if it has none.
std::string international_host(std::string_view ascii);

}  // namespace pricewire::net
