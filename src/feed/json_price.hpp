#pragma once

#include <string>
#include <string_view>

#include "base/decimal.hpp"
#include "base/result.hpp"

namespace pricewire {

// A price from its digits: positive, and no dearer than 10^17, which keeps sums and bands far from overflow.
// Digits past the 18th decimal place are dropped.
Result<Decimal> parse_price(std::string_view digits);

// Why a body is not JSON, as a person would say it: "an HTML page", say.
std::string describe_non_json(std::string_view body, std::string_view parser_error);

}  // namespace pricewire
