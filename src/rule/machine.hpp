#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"

// When a comparison that is judged again and again fires: the same for every kind of alert. Pure.
namespace pricewire::rule {

// More than this without a value, in one piece, begins a hold anew.
constexpr Duration longest_blind = std::chrono::seconds{60};

// What one judgement says of a rule, or of all rules joined by `all`.
struct Judgement {
    std::optional<bool> truth;  // unset: not known
    bool calm = false;          // would arm it
};

// What no storage keeps of a machine; `armed` is in RuleState.
//
//   not armed ──calm──▶ armed ──true──▶ holding ──held for long enough──▶ fires, or waits while it is muted
//       ▲                 ▲               │                                  │               │
//       │                 └─────false─────┴──────────────false: left out─────┼───────────────┘
//       └────────────────────────────────────────────────────────────────────┘
struct Machine {
    std::optional<Timestamp> true_since = {};   // moved on by blind time
    std::optional<Timestamp> holds_from = {};   // the same, not moved
    std::optional<Timestamp> blind_since = {};  // set while it holds and is not known
    std::optional<Timestamp> waits_until = {};  // it has held for long enough, but was muted until then
    Timestamp judged_at = Timestamp::min();
    friend bool operator==(const Machine&, const Machine&) = default;
};

struct Turn {
    bool armed = false;  // just now
    bool fires = false;
};

// One judgement at `time`. Of the same moment, timers come before values. What is left out by it is counted.
Turn step(Machine& machine, bool& armed, const Judgement& judged, Timestamp time, Duration hold,
          std::optional<Timestamp> muted_until, std::int64_t& left_out);

// When it is to be judged again, if no value comes before: the end of its hold, or of what it waits for.
std::optional<Timestamp> timer(const Machine& machine, Duration hold);

}  // namespace pricewire::rule
