#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/alert_state.hpp"
#include "domain/market.hpp"
#include "domain/rule.hpp"
#include "rule/evidence.hpp"
#include "rule/run.hpp"

// What alerts with terms would have done in the past, and what is known of them now, from stored bars: each minute is
// judged as four prices by the same Run as prices are. Pure: the caller provides the bars.
namespace pricewire::rule {

// What is stored of the past. Called from within the functions below, on their thread.
struct Past {
    // Bars that start within [from, to), oldest first, all there are. Minutes are asked for minutes_held at a time.
    std::function<std::vector<Bar>(const Ticker&, Timestamp from, Timestamp to)> hours, minutes;
    // The last minute that starts before, however old it is; nullopt: there is none. May be unset.
    std::function<std::optional<Bar>(const Ticker&, Timestamp before)> last_minute;
    // When there was no price of a ticker, within [from, to), in order. May be unset.
    std::function<std::vector<std::pair<Timestamp, Timestamp>>(const Ticker&, Timestamp from, Timestamp to)>
        blind;
    // The present price and its time; nullopt: there is none. May be unset: bars decide then.
    std::function<std::optional<Point>(const Ticker&)> price;
    // Called now and then; true: there is no time left. May be unset.
    std::function<bool()> stop;
};

struct SimulatedFiring {
    Timestamp time;    // the start of the minute
    Decimal from, to;  // where the price was in it, as far as it fires; of a ratio or an age, the value
    bool sure = true;  // whichever of high and low came first
    friend bool operator==(const SimulatedFiring&, const SimulatedFiring&) = default;
};

struct Simulated {
    Timestamp from, to;  // what was looked at: from where bars are known on
    Duration blind{};    // within that
    std::int64_t least = 0, most = 0;
    std::optional<bool> true_now;          // whether the rule holds now; unset: not known
    std::vector<SimulatedFiring> firings;  // oldest first, the last ones
    bool more = false;                     // there are older ones
    std::vector<std::string> notes;        // what is not certain, in plain sentences
};

constexpr std::size_t max_simulated_firings = 200;
constexpr Duration shortest_simulation = std::chrono::hours{1};
constexpr Duration longest_simulation = std::chrono::hours{24 * 90};
// How much of the past is in memory at a time, of all tickers of an alert: 90 days of 8 tickers are a million minutes.
constexpr Duration minutes_held = std::chrono::hours{24};

// What an alert with these terms, made at `from`, would have done until `to`, which is now; at least shortest_simulation
// and at most longest_simulation later. Of `life`, starts_at, expires_at and snoozed_until count. nullopt: it was stopped.
// If all levels are numbers, it asks for hours, and for the minutes of those hours that touch a level; otherwise for all
// minutes.
std::optional<Simulated> simulate(const Terms& terms, Timestamp from, Timestamp to, const Past& past,
                                  const AlertState& life = {});

struct ClosestFound {
    std::optional<Closest> closest;  // unset: nothing is known, or it was stopped
    bool cut = false;                // the last start is longer ago than was looked back
};
// How close it came to firing without doing so since its last start, 30 days back at most.
ClosestFound closest(const RuledAlert& alert, Timestamp now, const Past& past);

// The minutes in which it became true and false again since its last start, while it was muted, 30 days back at most; oldest
// first, and as often as that happened whichever of high and low came first. Empty if it was stopped.
std::vector<Timestamp> left_out(const RuledAlert& alert, Timestamp now, const Past& past);

// The alert as it stands at `now`, by bars and the present prices: for Run::rules(), held_since() and muted_until(). An
// alert that has not begun is shown as if it began now. nullopt: it was stopped.
std::optional<Run> present(const RuledAlert& alert, Timestamp now, const Past& past);

// Since when the alert, present as `run`, may have held where it has to: bars know that to a minute, so it is the earliest
// moment at which that can have begun. nullopt: it does not hold.
std::optional<Timestamp> held_since(const RuledAlert& alert, const Run& run, const Past& past);

// How far the value is from where the rule would hold, not negative; 0 where it holds; nullopt: not known.
std::optional<Decimal> distance(const Rule& rule, const RuleView& view);

}  // namespace pricewire::rule
