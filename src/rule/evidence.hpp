#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/json_writer.hpp"
#include "domain/market.hpp"
#include "domain/rule.hpp"

// Why an alert with terms fired, or how close it came before it expired: the JSON object in RuledFiring::evidence and
// Expiry::evidence. The checker writes it, webhooks and the API read it. Pure, any thread.
namespace pricewire::rule {

// What a level was measured from, as it was when the rule was judged.
struct AnchorSeen {
    Anchor from = Anchor::start;
    Duration over{};  // 0: since the start
    Decimal price;
    // Since when that had been the price; unset for a number, or if not known.
    std::optional<Timestamp> time = {};
    friend bool operator==(const AnchorSeen&, const AnchorSeen&) = default;
};

struct LevelSeen {
    std::optional<Decimal> value;           // unset: it was unknown
    std::optional<AnchorSeen> anchor = {};  // unset for a number without a change, and if it was unknown
    std::optional<Change> by = {};
    friend bool operator==(const LevelSeen&, const LevelSeen&) = default;
};

struct RuleSeen {
    Ticker ticker{};  // empty where the alert has one rule
    Word is = Word::above;
    LevelSeen level;                      // of a channel the lower one
    std::optional<LevelSeen> upper = {};  // set of a channel only
    std::optional<Decimal> value = {};    // unset: the line had none
    std::optional<bool> is_true = {};     // unset: unknown
    friend bool operator==(const RuleSeen&, const RuleSeen&) = default;
};

// A time in which there was no price of `ticker`.
struct BlindGap {
    Ticker ticker{};  // empty: the alert's
    Timestamp from, to;
    std::string reason;  // in the words of GET /rates/{ticker}; may be empty
    friend bool operator==(const BlindGap&, const BlindGap&) = default;
};

// How close a value has come to its level without passing it.
struct Closest {
    Decimal price;
    Decimal distance;   // from the level, not negative
    Timestamp time;     // the beginning of the time below
    Duration within{};  // the bar that knows it; 0: a price known by itself
    friend bool operator==(const Closest&, const Closest&) = default;
};

struct Evidence {
    std::vector<RuleSeen> rules;  // in the order of the terms
    // Which of them fired, where they are joined by any; of others the first one is the one that is shown.
    std::size_t shown = 0;
    std::optional<Timestamp> held_since = {};   // where it had to hold
    std::optional<Timestamp> muted_until = {};  // where it had to wait for the end of a mute: that end
    std::int64_t left_out = 0;                  // how often it became true within the mute and false again
    std::vector<BlindGap> blind = {};           // within the time that the firing looked at, the oldest first
    std::optional<Decimal> last_price = {};     // of a rule about age: the last price that there was
    std::optional<Closest> closest = {};        // of an expiry
    friend bool operator==(const Evidence&, const Evidence&) = default;
};

// At most this many gaps are written, the longest ones.
constexpr std::size_t max_gaps_written = 20;

std::string to_json(const Evidence& evidence);
// The members of the object, for one that is open. Not "shown", which is written where it is not 0.
void write_members(JsonWriter& w, const Evidence& evidence);
void write_closest(JsonWriter& w, const std::optional<Closest>& closest);

// nullopt if a member that this version knows is missing or not as it writes it: a word of a newer version, say. Unknown
// members are ignored: a newer version only adds members, and a firing must be delivered even if not all of its
// explanation is understood.
std::optional<Evidence> parse_evidence(std::string_view json);

// The level with this value of the rule that is shown, of a channel the lower one if neither is it; null without rules.
const LevelSeen* passed_level(const Evidence& evidence, Decimal level);

// By how much `to` differs from `from` > 0, in percent: to two places or, below a tenth, two significant digits, half
// up. 1e17 at most, either way.
Decimal change_in_percent(Decimal from, Decimal to);
// "5.2%", "-0.028%".
std::string change_text(Decimal from, Decimal to);

// Seconds within the gaps, rounded up; where they overlap, counted once.
std::int64_t blind_seconds(const std::vector<BlindGap>& gaps);

// The sources of 5.1 as a JSON array: each source's last quote on the board, its age at `now`, and whether it counted.
std::string sources_json(const TickerBoard& board, Timestamp now);

}  // namespace pricewire::rule
