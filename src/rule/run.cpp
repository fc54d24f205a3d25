#include "rule/run.hpp"

#include <absl/hash/hash.h>

#include <algorithm>

#include "domain/bars.hpp"
#include "rule/detail/rule_levels.hpp"

namespace pricewire::rule {
using detail::is_measured_from_start;
using detail::level_of;
using detail::levels_of;
using detail::needs_extreme;

Run::Run(const RuledAlert& alert) : alert_(alert) {
    const auto& rules = alert_.terms->rules;
    tracks_.reserve(rules.size());
    for (const Rule& rule : rules) tracks_.emplace_back(Line(rule));
    machines_.resize(alert_.terms->joined == Joined::any ? rules.size() : 1);
    if (alert_.state.rules.size() != rules.size()) {
        alert_.state.rules.clear();
        return;
    }
    phase_ = Phase::resuming;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const RuleState& known = rule_state(i);
        if (!known.start_price) continue;
        tracks_[i].at_start[0] = tracks_[i].at_start[1] = Point{*known.start_price, known.start};
    }
}

Run::Memory Run::memory() const {
    Memory out{.left_out = left_out_};
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const Track& track = tracks_[i];
        out.rules[i] = {{}, track.outside, track.note_at, track.at_start};
    }
    for (std::size_t m = 0; m < machines_.size(); ++m) out.rules[m].machine = machines_[m];
    return out;
}

std::size_t Run::fingerprint() const {
    const auto count = [](const std::optional<Timestamp>& time) {
        return time ? time->time_since_epoch().count() : -1;
    };
    const auto raw = [](const std::optional<Decimal>& value) { return value ? value->raw() : -1; };
    const AlertState& state = alert_.state;
    std::size_t all =
        absl::HashOf(phase_, state.firings, state.rules.size(), left_out_, ended_, count(state.muted_until));
    for (std::size_t i = 0; i < state.rules.size(); ++i) {
        const RuleState& known = state.rules[i];
        all = absl::HashOf(all, known.armed, known.fired, known.side, count(known.start),
                           raw(known.start_price), count(known.as_of), raw(known.extreme),
                           raw(known.upper_extreme), count(known.extreme_until), tracks_[i].outside,
                           count(tracks_[i].note_at));
    }
    for (const Machine& machine : machines_) {
        all = absl::HashOf(all, count(machine.true_since), count(machine.holds_from),
                           count(machine.blind_since), count(machine.waits_until));
    }
    return all;
}

Run::Run(const RuledAlert& alert, const Memory& memory, std::vector<Line> lines, Timestamp now)
    : alert_(alert),
      phase_(alert.state.rules.empty() ? Phase::before : Phase::running),
      left_out_(memory.left_out),
      now_(now) {
    tracks_.reserve(lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        Track& track = tracks_.emplace_back(std::move(lines[i]));
        track.outside = memory.rules[i].outside;
        track.note_at = memory.rules[i].note_at;
        track.at_start = memory.rules[i].at_start;
    }
    machines_.resize(alert_.terms->joined == Joined::any ? tracks_.size() : 1);
    for (std::size_t m = 0; m < machines_.size(); ++m) machines_[m] = memory.rules[m].machine;
}

std::size_t Run::machine_of(std::size_t rule) const {
    return machines_.size() == 1 ? 0 : rule;
}
std::size_t Run::first_of(std::size_t machine) const {
    return machine;
}
std::size_t Run::end_of(std::size_t machine) const {
    return machines_.size() == 1 ? tracks_.size() : machine + 1;
}

bool Run::is_expired(Timestamp time) const {
    return alert_.state.expires_at && *alert_.state.expires_at <= time;
}

std::optional<Timestamp> Run::muted_until() const {
    const auto &cooldown = alert_.state.muted_until, &snooze = alert_.state.snoozed_until;
    if (!cooldown || !snooze) return cooldown ? cooldown : snooze;
    return std::max(*cooldown, *snooze);
}

std::optional<Timestamp> Run::held_since() const {
    std::optional<Timestamp> since;
    for (const Machine& machine : machines_) since = detail::earliest(since, machine.true_since);
    return since;
}

// --- Judging

// What a value decides beside whether it fires: the start price, and which extremes are past.
void Run::see(std::size_t i, Timestamp time) {
    Track& track = tracks_[i];
    RuleState& known = rule_state(i);
    const auto& current = track.line.current();
    if (current && !known.start_price) {
        known.start_price = current->value;
        // As after a restart: it counts, however soon something else came.
        for (auto& at_start : track.at_start) {
            if (!at_start) at_start = current;
        }
        // What bars do not say after a restart: when a hold could begin, and the price from which a high or low counts.
        start_known_ = start_known_ || is_measured_from_start(rule(i)) || needs_extreme(rule(i), false) ||
                       alert_.terms->hold > Duration::zero();
    }
    forget(i, time);
}

// Extremes that no level asks for any more.
void Run::forget(std::size_t i, Timestamp time) {
    for (std::size_t which = 0; which < levels_of(rule(i)); ++which) {
        auto& extremes = tracks_[i].line.extremes(which);
        if (!extremes) continue;
        const Duration over = level_of(rule(i), which).over;
        const Timestamp start = phase_ == Phase::before ? time : rule_state(i).start;
        extremes->forget(over > Duration::zero() ? time - over : start);
    }
}

Judgement Run::judged_rule(std::size_t i, Timestamp time) {
    const Rule& rule_i = rule(i);
    const RuleState& known = rule_state(i);
    const auto value = tracks_[i].line.value(rule_i, time);
    if (!value) return {};
    see(i, time);
    const auto limits = bounds(i, time);
    if (!limits) return {};
    Judgement result;
    // An age fires at the moment at which it is reached.
    result.truth = rule_i.watched == Watched::age ? *value >= limits->lower.level
                                                  : holds(rule_i.word, *value, *limits, known.side);
    if (rule_i.word == Word::crosses) {
        // Armed without a side, it would never cross.
        const bool has_side = known.side || side_of(*value, limits->lower.level);
        result.calm = has_side && (!known.fired || is_calm(rule_i.word, *value, *limits));
    } else {
        result.calm = !*result.truth && (!known.fired || is_calm(rule_i.word, *value, *limits));
    }
    if (rule_i.upper && (*value < limits->lower.level || *value > limits->upper.level))
        tracks_[i].outside = *value > limits->upper.level ? Side::above : Side::below;
    return result;
}

// Of rules joined by `all`, one that is false is enough to be false, and one that is calm to be calm, whatever is known of
// the others.
Judgement Run::judged(std::size_t machine, Timestamp time) {
    Judgement all{true, false};
    for (std::size_t i = first_of(machine); i < end_of(machine); ++i) {
        const Judgement one = judged_rule(i, time);
        all.calm = all.calm || one.calm;
        if (one.truth == false) {
            all.truth = false;
        } else if (!one.truth && all.truth == true) {
            all.truth.reset();
        }
    }
    return all;
}

// The side from which a rule crosses is the first one that a value is on, since it began or has fired.
void Run::take_side(std::size_t machine, Timestamp time) {
    for (std::size_t i = first_of(machine); i < end_of(machine); ++i) {
        const auto value = tracks_[i].line.value(rule(i), time);
        const auto limits = bounds(i, time);
        if (rule(i).word == Word::crosses && value && limits)
            rule_state(i).side = side_of(*value, limits->lower.level);
    }
}

void Run::judge(std::size_t machine, Timestamp time, Steps& steps) {
    if (ended_ || is_expired(time) || time < rule_state(first_of(machine)).as_of) return;
    const Judgement judgement = judged(machine, time);
    RuleState& first = rule_state(first_of(machine));
    const Turn turn =
        step(machines_[machine], first.armed, judgement, time, alert_.terms->hold, muted_until(), left_out_);
    if (turn.armed) {
        if (!first.side) take_side(machine, time);
        for (std::size_t i = first_of(machine); i < end_of(machine); ++i) rule_state(i).as_of = time;
    }
    held_back_[machine] = turn.fires && !happened_.empty();
    if (turn.fires && happened_.empty()) {
        fire(machine, time, steps, nullptr);
    } else if (turn.armed || start_known_) {
        note(turn.armed, time, steps);
    }
    start_known_ = false;
}

void Run::note(bool rearmed, Timestamp time, Steps& steps) const {
    steps.push_back({time, std::nullopt, rearmed, alert_.state});
}

// --- Firing

// `told`: what has happened already, which is no step, unless a late price has armed it there; null otherwise.
void Run::fire(std::size_t machine, Timestamp time, Steps& steps, const Fired* told) {
    AlertState& state = alert_.state;
    const auto& repeat = alert_.terms->repeat;
    Fired what = fired(machine, time);
    state.firings = what.number;
    state.muted_until.reset();
    if (repeat) state.muted_until = time + repeat->cooldown;
    ended_ = what.is_last;
    left_out_ = 0;
    start_again(machine, time, told != nullptr ? *told : what);
    if (told == nullptr) {
        what.armed_again = is_armed(machine);
        steps.push_back({time, std::move(what), false, state});
    } else if (is_armed(machine) && !told->armed_again && !ended_) {
        note(true, time, steps);
    }
}

// A firing is a new start. Relative levels are calm at once.
void Run::start_again(std::size_t machine, Timestamp time, const Fired& told) {
    for (std::size_t i = first_of(machine); i < end_of(machine); ++i) {
        RuleState& known = rule_state(i);
        const auto& current = tracks_[i].line.current();
        known.armed = false;
        known.fired = true;
        // Unknown where its price turns out to have been gone by then: the next one tells.
        known.side.reset();
        known.start = known.as_of = time;
        known.start_price.reset();
        if (rule(i).watched != Watched::age) known.start_price = told.rules[i].value;
        known.extreme.reset();
        known.upper_extreme.reset();
        known.extreme_until = time;
        tracks_[i].at_start[0] = tracks_[i].at_start[1] = current;
        tracks_[i].note_at.reset();
        if (needs_extreme(rule(i), true) && !ended_)
            tracks_[i].note_at = next_interval_start(time, std::chrono::minutes{1});
    }
    machines_[machine] = Machine{.judged_at = time};
    held_back_[machine] = false;
    if (ended_) return;
    take_side(machine, time);
    const Judgement after = judged(machine, time);
    step(machines_[machine], rule_state(first_of(machine)).armed, after, time, alert_.terms->hold,
         muted_until(), left_out_);
}

// --- Time

std::optional<Run::Due> Run::next_due() const {
    std::optional<Due> next;
    const auto consider = [&next](std::optional<Timestamp> time, DueKind kind, std::size_t index) {
        if (!time) return;
        const Due due{*time, kind, index};
        if (!next || due < *next) next = due;
    };
    if (phase_ == Phase::before) consider(alert_.begun_at, DueKind::begin, 0);
    for (std::size_t i = 0; i < tracks_.size(); ++i) consider(tracks_[i].line.bar_end(), DueKind::bar_end, i);
    if (phase_ != Phase::running) return next;
    const auto consider_judging = [&](std::optional<Timestamp> time, DueKind kind, std::size_t index) {
        if (time && !is_expired(*time)) consider(time, kind, index);
    };
    // A machine that goes on from a state is judged from its time on, or what is due would stay due.
    const auto judged_from = [&](std::optional<Timestamp> time, std::size_t machine) {
        return time ? std::optional(std::max(*time, rule_state(first_of(machine)).as_of)) : std::nullopt;
    };
    for (std::size_t m = 0; m < machines_.size(); ++m)
        consider_judging(judged_from(timer(machines_[m], alert_.terms->hold), m), DueKind::machine, m);
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const Track& track = tracks_[i];
        consider_judging(track.note_at, DueKind::note, i);
        if (rule(i).watched != Watched::age) continue;
        const auto limit = bound(i, 0, now_);
        const auto reached = limit ? track.line.reached(limit->level) : std::nullopt;
        if (reached && *reached > machines_[machine_of(i)].judged_at)
            consider_judging(judged_from(reached, machine_of(i)), DueKind::age, i);
    }
    return next;
}

std::optional<Timestamp> Run::next_time() const {
    if (ended_) return std::nullopt;
    if (phase_ == Phase::resuming) return resumes_at() + Duration{1};
    const auto due = next_due();
    auto next = due ? std::optional(due->time) : std::nullopt;
    if (!happened_.empty()) next = detail::earliest(next, std::optional(happened_.back().time));
    return next;
}

void Run::advance(Timestamp time, Steps& steps) {
    while (!ended_) {
        const auto due = next_due();
        // What has happened comes after everything else of its moment, and may make others wait.
        const Timestamp next = due ? std::min(due->time, time) : time;
        if (!happened_.empty() && happened_.back().time < next && phase_ == Phase::running) {
            happen(steps);
            continue;
        }
        if (!due || due->time > time) break;
        now_ = std::max(now_, due->time);
        switch (due->kind) {
            case DueKind::begin:
                begin(due->time, steps);
                break;
            case DueKind::machine:
                judge(due->index, due->time, steps);
                break;
            case DueKind::age:
                judge(machine_of(due->index), due->time, steps);
                break;
            case DueKind::note:
                note_extremes(due->index, due->time, steps);
                break;
            case DueKind::bar_end:
                tracks_[due->index].line.end_bar(rule(due->index));
                if (phase_ == Phase::running) judge(machine_of(due->index), due->time, steps);
                break;
        }
    }
    now_ = std::max(now_, time);
}

void Run::settle(Timestamp time) {
    for (std::size_t i = 0; i < tracks_.size(); ++i) tracks_[i].line.settle(rule(i), time);
}

void Run::begin(Timestamp time, Steps& steps) {
    phase_ = Phase::running;
    start_rules(time);
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        tracks_[i].at_start[0] = tracks_[i].at_start[1] = tracks_[i].line.current();
        if (needs_extreme(rule(i), false))
            tracks_[i].note_at = next_interval_start(time, std::chrono::minutes{1});
    }
    for (std::size_t m = 0; m < machines_.size(); ++m) judge(m, time, steps);
}

void Run::start_rules(Timestamp time) {
    auto& rules = alert_.state.rules;
    rules.resize(tracks_.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
        rules[i].armed = is_state(rule(i).word);
        rules[i].start = rules[i].as_of = time;
    }
}

void Run::note_extremes(std::size_t i, Timestamp time, Steps& steps) {
    RuleState& known = rule_state(i);
    tracks_[i].note_at.reset();
    const auto& current = tracks_[i].line.current();
    for (std::size_t which = 0; which < levels_of(rule(i)); ++which) {
        const auto& extremes = tracks_[i].line.extremes(which);
        if (!extremes) continue;
        auto extreme = extreme_since(i, which, known.start);
        if (current && (!extreme || extremes->is_beyond(current->value, extreme->value))) extreme = current;
        auto& kept = which == 0 ? known.extreme : known.upper_extreme;
        kept.reset();
        if (extreme) kept = extreme->value;
    }
    known.extreme_until = time;
    if (known.extreme || known.upper_extreme) note(false, time, steps);
}

// --- What comes in

void Run::value(const Ticker& ticker, Timestamp time, std::optional<Decimal> value, Steps& steps) {
    if (ended_) return;
    settle(time);
    advance(time, steps);
    // A value of the moment of its state is a part of that.
    if (phase_ == Phase::resuming && time > resumes_at()) resume(time, steps);
    if (ended_) return;
    bool changed[max_rules] = {};
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const bool is_new = tracks_[i].line.take(rule(i), ticker, time, value);
        changed[machine_of(i)] = changed[machine_of(i)] || is_new;
        if (phase_ != Phase::running) forget(i, time);
    }
    for (std::size_t m = 0; m < machines_.size() && phase_ == Phase::running; ++m) {
        if (changed[m]) judge(m, time, steps);
    }
}

void Run::time(Timestamp time, Steps& steps) {
    if (ended_) return;
    settle(time);
    advance(time, steps);
    if (phase_ == Phase::resuming && time > resumes_at()) resume(time, steps);
    while (!happened_.empty() && happened_.back().time <= time && phase_ == Phase::running && !ended_)
        happen(steps);
}

bool Run::has_fired_enough() const {
    const auto& repeat = alert_.terms->repeat;
    return repeat && repeat->times && alert_.state.firings >= *repeat->times;
}

void Run::amend(const RuledAlert& row, Timestamp time, Steps& steps) {
    // One that was switched on after its last firing has fired often enough before: that does not end it.
    const bool had_fired_enough = has_fired_enough();
    change_margin(alert_.state.rules, *alert_.terms, *row.terms, time);
    alert_.terms = row.terms;
    alert_.notify_on_expiry = row.notify_on_expiry;
    alert_.state.snoozed_until = row.state.snoozed_until;
    alert_.state.expires_at = row.state.expires_at;
    for (Track& track : tracks_) track.known[0] = track.known[1] = {};
    ended_ = ended_ || (has_fired_enough() && !had_fired_enough);
    if (phase_ != Phase::running) return;
    for (std::size_t m = 0; m < machines_.size(); ++m) {
        if (machines_[m].waits_until) judge(m, time, steps);
    }
}

void Run::impose(std::span<const Fired> happened) {
    happened_.assign(happened.rbegin(), happened.rend());
}

void Run::happen(Steps& steps) {
    const Fired fired = std::move(happened_.back());
    happened_.pop_back();
    now_ = std::max(now_, fired.time);
    const std::size_t machine = machine_of(fired.rule);
    fire(machine, fired.time, steps, &fired);
    // Only what waited for it: another rule's firing is no reason to look at a rule again.
    for (std::size_t m = 0; m < machines_.size(); ++m) {
        if (m != machine && held_back_[m]) judge(m, fired.time, steps);
    }
}

}  // namespace pricewire::rule
