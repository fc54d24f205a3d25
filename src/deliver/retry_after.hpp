#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace pricewire::deliver {

// How long a Retry-After header asks to wait, from `now`: a number of seconds, or a date in any of the three
// forms a recipient must accept, zero where that has passed. nullopt where the text is neither. Years are at
// most four digits; a number too large for Duration counts as its largest. Pure.
// Source: RFC 9110 §10.2.3 (Retry-After) and §5.6.7 (HTTP-date).
std::optional<Duration> parse_retry_after(std::string_view text, Timestamp now);

}  // namespace pricewire::deliver
