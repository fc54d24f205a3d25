#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

// Dates in HTTP headers: RFC 9110 §5.6.7. Pure, any thread.
namespace pricewire::inline base {

// "Sun, 06 Nov 1994 08:49:37 GMT"; fractions of a second are cut off. The year must have four digits.
std::string format_http_date(Timestamp t);

// Reads the form above and the two obsolete ones: "Sunday, 06-Nov-94 08:49:37 GMT", whose year is the one at
// most 50 years after `now`, and "Sun Nov  6 08:49:37 1994". Case matters; the name of the day is not compared
// with the date.
std::optional<Timestamp> parse_http_date(std::string_view text, Timestamp now);

// How long a Retry-After header (RFC 9110 §10.2.3) asks to wait from `now`: a number of seconds, or a date, with
// zero for one that has passed. Never negative; a number that is too large for Duration counts as some 12,000
// years. nullopt: neither.
std::optional<Duration> parse_retry_after(std::string_view text, Timestamp now);

}  // namespace pricewire::inline base
