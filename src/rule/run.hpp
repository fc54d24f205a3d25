#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/alert_state.hpp"
#include "domain/rule.hpp"
#include "domain/stretch.hpp"
#include "rule/levels.hpp"
#include "rule/line.hpp"
#include "rule/machine.hpp"

// One alert with terms, judged at every value: what its rule means, as plainly as it can be written.
namespace pricewire::rule {

// A rule as it was judged.
struct RuleView {
    std::optional<Decimal> value;       // unset: its line has none
    std::optional<Decimal> level;       // of a channel the lower one; unset: it has no anchor
    std::optional<Decimal> upper = {};  // of a channel only
    std::optional<Point> anchor = {};   // of a level that is measured from the start, a high or a low
    std::optional<Point> upper_anchor = {};
    std::optional<bool> holds = {};  // unset: not known
    friend bool operator==(const RuleView&, const RuleView&) = default;
};

// The k-th firing. `level`, `condition` and `value` are those of `rule`.
struct Fired {
    std::size_t rule = 0;                      // of any: the one that fired; else the first
    std::int64_t number = 1;                   // k
    Timestamp time;                            // of the value that did it, or the end of a wait
    Decimal value;                             // a price, a ratio, or an age in seconds
    Decimal level;                             // the one that was passed; of a channel one of its bounds
    Condition condition = Condition::gt;       // on which side of the level the value is
    std::optional<Timestamp> held_since = {};  // set where the terms have a hold; blind time moves it
    std::int64_t left_out = 0;                 // became true and false again since the last firing, muted
    bool is_last = true;
    bool armed_again = false;                // right after it: relative levels are
    std::vector<RuleView> rules;             // all of the terms
    std::optional<Decimal> last_price = {};  // of an age: the last price that there was, if it is known
    std::vector<LineGap> blind = {};         // within the time that was looked at, oldest first
};

// What happened, and the alert's state right after it.
struct Step {
    Timestamp time;
    std::optional<Fired> fired = {};  // unset: it was only noted, which is to be made durable
    bool rearmed = false;             // of a note: it was armed; else its start price or extreme is known now
    AlertState after;
};
using Steps = std::vector<Step>;

// What an edit makes of a state: another margin counts for values after `time`. Of what waits to be armed, those until then
// count as judged.
void change_margin(std::vector<RuleState>& rules, const Terms& before, const Terms& after, Timestamp time);

// The past that an alert has to be given at `now`: for each ticker, from which time on.
std::vector<std::pair<Ticker, Timestamp>> past_needed(const RuledAlert& alert, Timestamp now);

// A value type: a copy goes on by itself. Pure.
//
// In order of time:
//   1. history(): what is known of the time before in stretches, of each ticker in order. Where stretches do not meet, and
//      between the last one and what follows, there was no price. Exact prices of before may come as value() instead.
//   2. value() and time(): prices, their ends, and the passing of time.
// An alert whose state has no rules begins at begun_at, with the price in effect then; values before are only remembered.
// If the history reaches beyond begun_at, it goes on as one that has begun then and of which nothing was written.
// One whose state has rules goes on: holds and windows come from the history, what was `left_out` is lost, and values
// before RuleState::as_of are only remembered. It is judged by the first call of 2.
class Run {
public:
    explicit Run(const RuledAlert& alert);

    // What it knows beside its alert and its lines once it has begun, for engines that put alerts aside while nothing can
    // happen to them.
    struct Memory {
        struct OfRule {
            Machine machine = {};  // of a rule that has one of its own; of all, the first
            std::optional<Side> outside = {};
            std::optional<Timestamp> note_at = {};
            std::array<std::optional<Point>, 2> at_start = {};
        };
        std::int64_t left_out = 0;
        std::array<OfRule, max_rules> rules = {};
    };
    Memory memory() const;
    // Of all that it knows beside its lines and the time: another one, almost certainly, once any of it has changed.
    std::size_t fingerprint() const;
    // Goes on from there; has not begun if its state has no rules. `lines`, by rule, know all until `now`.
    Run(const RuledAlert& alert, const Memory& memory, std::vector<Line> lines, Timestamp now);
    const Line& line(std::size_t rule) const { return tracks_[rule].line; }

    void history(const Ticker& ticker, const Stretch& stretch);
    // After it: since when there was no price of the ticker, where nothing is known of the time before.
    void begin_blind(const Ticker& ticker, Timestamp since);

    // The price of a ticker from `time` on; nullopt: it is gone. What ends or begins by then comes first. Times never
    // decrease, over all tickers. Steps are appended.
    void value(const Ticker& ticker, Timestamp time, std::optional<Decimal> value, Steps& steps);
    // Nothing came until `time`, inclusive.
    void time(Timestamp time, Steps& steps);
    // When time() is to be called next at the latest; nullopt: values alone decide. A later call
    // only delays what happens.
    // expires_at is not among them.
    std::optional<Timestamp> next_time() const;

    // Takes what an edit changes without a new start (repeat, snoozed_until, expires_at, notify_on_expiry); what waits for
    // the end of a mute is judged at `time`. The row's revision must be this one's.
    void amend(const RuledAlert& row, Timestamp time, Steps& steps);

    // For judging a time again after a late price: until all of these have happened, nothing else fires. Each happens
    // after everything else of its moment and appends no step but that it is armed there now, where it was not. In order of
    // time, and none before what was given so far.
    void impose(std::span<const Fired> happened);
    bool has_all_happened() const { return happened_.empty(); }

    const RuledAlert& alert() const { return alert_; }
    const AlertState& state() const { return alert_.state; }
    bool has_begun() const { return phase_ == Phase::running; }
    bool has_ended() const { return ended_; }  // by its last firing
    // Whether it can still fire for something made at `time`.
    bool is_expired(Timestamp time) const;
    // As of the last call. Of a rule that was not judged yet, what is known.
    std::vector<RuleView> rules() const;
    std::int64_t left_out() const { return left_out_; }  // since its last firing
    // Since when it holds; of any, the rule that has held longest. nullopt: it does not.
    std::optional<Timestamp> held_since() const;
    // The time that its last firing is muted for, or its snooze, if that is later.
    std::optional<Timestamp> muted_until() const;

private:
    // Whether it has begun: a Run whose alert has a state resumes by the first call of 2.
    enum class Phase : std::uint8_t { before, resuming, running };
    // Of one rule.
    struct Track {
        explicit Track(Line line_) : line(std::move(line_)) {}
        struct Known {
            Decimal anchor;
            Bound bound;
        };
        Line line;
        // What was in effect at the start, or what the row tells of the first minute since. Counts as long as windows
        // reach back to the start.
        std::array<std::optional<Point>, 2> at_start = {};
        mutable std::optional<Known> known[2];  // levels are calculated again when their anchors change
        std::optional<Side> outside = {};       // of channels: where the last value was that was not inside
        std::optional<Timestamp> note_at = {};  // when its extremes are to be noted
        // From history: since when it has held, and when it had no value since then.
        struct PastHold {
            std::optional<Timestamp> since = {};
            std::vector<LineGap> gaps = {};
        };
        PastHold past_hold = {};
        std::optional<Timestamp> past_until = {};
    };
    // What comes without a value, in the order in which it happens at one moment.
    enum class DueKind : std::uint8_t { begin, machine, age, bar_end, note };
    struct Due {
        Timestamp time;
        DueKind kind;
        std::size_t index = 0;
        friend auto operator<=>(const Due&, const Due&) = default;
    };

    const Rule& rule(std::size_t i) const { return alert_.terms->rules[i]; }
    RuleState& rule_state(std::size_t i) { return alert_.state.rules[i]; }
    const RuleState& rule_state(std::size_t i) const { return alert_.state.rules[i]; }
    // A machine's rules.
    std::size_t machine_of(std::size_t rule) const;
    std::size_t first_of(std::size_t machine) const;
    std::size_t end_of(std::size_t machine) const;
    bool has_fired_enough() const;
    bool is_armed(std::size_t machine) const { return rule_state(first_of(machine)).armed; }

    std::optional<Due> next_due() const;
    void advance(Timestamp time, Steps& steps);
    void settle(Timestamp time);
    void begin(Timestamp time, Steps& steps);
    void start_rules(Timestamp time);
    void resume(Timestamp time, Steps& steps);
    Timestamp resumes_at() const;
    bool awaits_value(std::size_t machine) const;
    Machine past_machine(std::size_t machine) const;
    void judge(std::size_t machine, Timestamp time, Steps& steps);
    Judgement judged(std::size_t machine, Timestamp time);
    Judgement judged_rule(std::size_t i, Timestamp time);
    void see(std::size_t i, Timestamp time);
    void forget(std::size_t i, Timestamp time);
    void take_side(std::size_t machine, Timestamp time);
    void fire(std::size_t machine, Timestamp time, Steps& steps, const Fired* told);
    void start_again(std::size_t machine, Timestamp time, const Fired& told);
    Fired fired(std::size_t machine, Timestamp time) const;
    std::pair<Decimal, Side> passed(std::size_t i, const RuleView& seen) const;
    void happen(Steps& steps);
    void note(bool rearmed, Timestamp time, Steps& steps) const;
    void note_extremes(std::size_t i, Timestamp time, Steps& steps);
    void past(std::size_t i, Stretch stretch);
    void past_closes(std::size_t i, const Stretch& stretch);
    bool has_window(std::size_t machine) const;
    void look_back(std::size_t machine);
    void take_noted(std::size_t i);

    std::optional<Point> anchor(std::size_t i, std::size_t which, Timestamp time) const;
    std::optional<Point> extreme_since(std::size_t i, std::size_t which, Timestamp since) const;
    std::optional<Bound> bound(std::size_t i, std::size_t which, Timestamp time) const;
    std::optional<Bounds> bounds(std::size_t i, Timestamp time) const;
    RuleView view(std::size_t i, Timestamp time) const;
    std::vector<LineGap> blind(std::size_t machine, Timestamp time) const;

    RuledAlert alert_;
    Phase phase_ = Phase::before;
    bool ended_ = false;
    bool start_known_ = false;   // a start that has to be noted became known
    bool past_rearmed_ = false;  // by the history
    std::int64_t left_out_ = 0;
    Timestamp now_ = Timestamp::min();
    std::vector<Track> tracks_;  // by rule
    std::vector<Machine> machines_;
    std::vector<Fired> happened_;                 // imposed and to come, the last one first
    std::array<bool, max_rules> held_back_ = {};  // by machine: it would have fired, but for those
};

}  // namespace pricewire::rule
