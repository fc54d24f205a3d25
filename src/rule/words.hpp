#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/alert.hpp"
#include "domain/rule.hpp"

// Sentences about rules, for people. ASCII, times in UTC. Pure.
namespace pricewire::rule {

struct Evidence;  // rule/evidence.hpp

// "BTC rises 5 % within 1h", "BTC rises above 70,000 and stays so for 5 min".
std::string rule_words(const Terms& terms);

struct LifeWords {
    std::optional<Timestamp> starts_at = {}, expires_at = {};  // starts_at is said while it is to come
    Timestamp now;                                             // dates of its year have no year
};
// "BTC rises 5 % within 1h, every time, at most every 15 min, 10 times, until 1 Feb".
std::string says(const Terms& terms, const LifeWords& life);

// Why it fired at that moment: "BTC rose 5.2 % within 1h: 68,250.5 is above 68,121.9, which is 5 % above the low of 64,878
// at 09:58:04". Empty if the evidence is not that of these terms.
std::string because(const Terms& terms, const Evidence& evidence, Timestamp fired);

// What is known of an alert now.
struct StateFacts {
    Timestamp now, created_at;
    Timestamp begun_at;                            // later than created_at after an edit, a pause or a firing
    std::optional<AlertEnd> ended = {};            // unset: it is active
    std::optional<Timestamp> ended_at = {};        // of a firing or an expiry
    std::optional<Timestamp> starts_at = {};       // while it has not begun
    Ticker unpriced{};                             // empty: each of its tickers has a price
    std::optional<Timestamp> unpriced_since = {};  // unset: not known
    std::string unpriced_reason = {};              // in the words of GET /rates/{ticker}; may be empty
    std::optional<Timestamp> muted_until = {};     // set if that is to come
    bool is_snoozed = false;                       // by its user, not by its cooldown
    // Of any: of the rule that is `shown`, the one that is nearest to firing.
    bool armed = true;
    bool has_fired = false;  // since it began: RuleState::fired
    // Its rules as they are now; held_since: since when it has been true, where the terms have a hold; closest, if it is
    // known. Null: nothing is known.
    const Evidence* seen = nullptr;
    bool closest_is_recent = false;  // of the last 30 days only
};
// The most important thing about it: it is paused, expired or has fired; it has not begun; its ticker has no price; it is
// muted; it is not armed; it is true and holds; how far it is, in percent of the value too, and how close it came.
std::string state_words(const Terms& terms, const StateFacts& facts);

// "70,000.5"
std::string grouped(Decimal number);
// "1 Feb", "1 Feb 09:14", "1 Feb 2026": with the time of day where it is not midnight, with the year where it is not
// that of `now`.
std::string date_words(Timestamp time, Timestamp now);
// "15 min"
std::string duration_words(Duration duration);

}  // namespace pricewire::rule
