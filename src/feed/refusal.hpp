#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace pricewire {

// How long to leave a venue alone after it has said no, and what that means, in words.
struct Refusal {
    Duration wait{};
    std::string meaning;
};

// nullopt where `status` is no refusal (a failure like any other, with back-off). Retry-After (RFC 9110
// §10.2.3, seconds or a date) and Binance's "IP banned until <ms>" are honoured up to a day; without them:
//   429 one minute, 418 five minutes, 403 five minutes, 451 an hour.
std::optional<Refusal> judge_refusal(int status, std::string_view retry_after, std::string_view body,
                                     Timestamp now);

// Seconds, or an IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT").
std::optional<Duration> parse_retry_after(std::string_view text, Timestamp now);

}  // namespace pricewire
