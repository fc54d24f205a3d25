#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace pricewire::feed {

// A venue that does not want to be asked for a while.
struct Refusal {
    Duration wait;    // from now until it may be asked again; 1 s to 3 days
    std::string why;  // "429 Too Many Requests", for a person
};

// Whether an answer is a refusal, and for how long. `status` is HTTP's, `retry_after` that header as sent
// (may be empty), `body` what came with it. `repeats` counts the refusals in a row before this one: where the
// venue does not say how long, each is waited out longer than the last. nullopt: no refusal, but a failure or
// a success like any other.
//
//   429        what Retry-After or the body ("IP banned until <unix ms>") says, else 1 min, doubled to 1 h
//   418        likewise, else 2 min, doubled to 6 h: Binance bans for 2 min to 3 days, longer for each time
//   that
//              the ban was ignored
//   403        a web application firewall: 5 min, doubled to 1 h; Cloudflare's 1020 and its like count as 403
//   451        the law: 1 h, however often
//   an HTML page under 2xx, which no API sends: 1 min, doubled to 15 min
//   any other 4xx or 5xx: only where it says how long
std::optional<Refusal> judge_refusal(int status, std::string_view retry_after, std::string_view body,
                                     Timestamp now, int repeats);

// Retry-After (RFC 9110 §10.2.3): seconds, or a date as in "Wed, 21 Oct 2015 07:28:00 GMT". Not negative.
std::optional<Duration> parse_retry_after(std::string_view text, Timestamp now);

// "45 s", "6 min", "3 h": rounded up, for a person.
std::string about(Duration wait);

// The start of what a venue sent, fit for a log line.
std::string snippet(std::string_view bytes);

}  // namespace pricewire::feed
