#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"
#include "domain/condition.hpp"
#include "domain/rule.hpp"

// What is durable of an alert with a rule, and what its firings carry.
namespace pricewire::inline domain {

// Of one rule of an alert. Of those joined by all, the first one's `armed` is that of all.
struct RuleState {
    bool armed = false;
    // Whether it has fired since it began. `start` is then its last firing, windows count only prices since that, and a
    // margin decides when it is armed again. Until it has fired, a word that waits is armed by the first value at which
    // it is not true.
    bool fired = false;
    // Of crosses: the side from which it crosses; unset: no value has been off the level yet.
    std::optional<Side> side = {};
    Timestamp start;                          // see Anchor
    std::optional<Decimal> start_price = {};  // unset: no price has been in effect since
    // Since when this state holds: the start, or the moment at which it was armed. Earlier values have been judged
    // already; after a restart they are given again.
    Timestamp as_of = {};
    // The highest or lowest price since the start, as of that moment, where the level needs it; the rest is in bars.
    std::optional<Decimal> extreme = {};
    std::optional<Decimal> upper_extreme = {};  // the same of Rule::upper
    Timestamp extreme_until = {};
    friend bool operator==(const RuleState&, const RuleState&) = default;
};

struct AlertState {
    std::int64_t firings = 0;                   // in the alert's whole life
    std::int64_t revision = 1;                  // grows with each edit of the rule
    std::optional<Timestamp> muted_until = {};  // the end of the cooldown
    std::optional<Timestamp> snoozed_until = {};
    std::optional<Timestamp> starts_at = {};
    std::optional<Timestamp> expires_at = {};
    std::vector<RuleState> rules;  // as many as the terms have; empty: not begun
    friend bool operator==(const AlertState&, const AlertState&) = default;
};
// The rules' part as one text, for storage. Parsing returns nullopt if it is not valid.
std::string to_text(const std::vector<RuleState>& rules);
std::optional<std::vector<RuleState>> parse_rule_states(std::string_view text);

// An alert that needs more than one comparison with a number, as checkers know it.
struct RuledAlert {
    std::shared_ptr<const Terms> terms;
    AlertState state;
    Timestamp created_at;
    Timestamp begun_at;  // its creation, the last edit of its rule, or starts_at
    bool notify_on_expiry = false;
};

// The k-th firing of an alert with a rule: written if the alert still has this revision, k - 1 firings, and is not muted at `time`.
struct RuledFiring {
    Uuid alert_id;
    Uuid delivery_id;
    std::int64_t revision = 1;
    std::int64_t number = 1;              // k
    Timestamp time;                       // of the value that fired it, or the end of a wait
    Decimal value;                        // shown as the price: a price, a ratio, or an age in seconds
    Decimal level;                        // the one that was passed
    Condition condition = Condition::gt;  // on which side of it the value is
    bool is_last = true;                  // the alert has ended
    std::string evidence;                 // a JSON object, see docs/alerts.md
    AlertState after;
};

// A change of an alert's state that is no firing, written if the alert still has that revision and number of firings:
// it was armed again, or its extreme is to be kept.
struct StateNote {
    Uuid alert_id;
    std::int64_t revision = 1;
    std::int64_t firings = 0;
    bool rearmed = false;
    std::vector<RuleState> rules;
};

// The end of an alert's life, in the order of prices.
struct Expiry {
    Uuid alert_id;
    std::int64_t revision = 1;
    Timestamp expires_at;
    Timestamp at;
    std::optional<Uuid> delivery_id = {};  // set if its user wants a notification
    std::string evidence;                  // how close it came, as a JSON object; may be empty
};

}  // namespace pricewire::inline domain
