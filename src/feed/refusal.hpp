#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace pricewire::feed {

// A venue that refuses requests for a while.
struct Refusal {
    Duration wait;    // from now until the next attempt; 1 s to 3 days
    std::string why;  // "429 Too Many Requests", for operators
    // It refuses this server's location, so that waiting alone does not help; `why` says "not available from
    // here".
    bool by_place = false;
};

// Whether an answer is a refusal, and for how long. `status` is HTTP's, `retry_after` that header as sent
// (may be empty), `body` what came with it. `repeats` counts the refusals in a row before this one: if the
// venue does not say how long, each wait is longer than the last. nullopt: not a refusal, but a failure or a
// success like any other.
//
//   429                        what Retry-After or the body ("IP banned until <unix ms>") says, else 1 min,
//                              doubled up to 1 h
//   418                        likewise, else 2 min, doubled up to 6 h: Binance bans for 2 min to 3 days,
//                              longer for each time a ban is ignored
//   403                        a web application firewall: 5 min, doubled up to 1 h; Cloudflare's 1020 and
//                              the like count as 403. Bybit's "access too frequent": 10 min, doubled up to 1 h
//   403 that names a country   by place: 1 h each time. CloudFront's "your country", Cloudflare's 1009 and the like
//   451                        by place, likewise
//   an HTML page under 2xx     which no API sends: 1 min, doubled up to 15 min
//   any other 4xx or 5xx       only if it says how long
std::optional<Refusal> judge_refusal(int status, std::string_view retry_after, std::string_view body,
                                     Timestamp now, int repeats);

// "45 s", "6 min", "3 h": rounded up, for a person.
std::string about(Duration wait);

// The start of what a venue sent, printable, for a log line.
std::string snippet(std::string_view bytes);

}  // namespace pricewire::feed
