#include <algorithm>
#include <iterator>

#include "domain/bars.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/run.hpp"

// How a Run goes on after a restart: what the past says, and which past it needs.
namespace pricewire::rule {

using detail::is_extreme;
using detail::needs_extreme;

namespace {

// It waits to be armed by another margin than that of its firing.
bool has_other_margin(const RuleState& known) {
    return known.fired && !known.armed && known.as_of > known.start;
}

}  // namespace

void change_margin(std::vector<RuleState>& rules, const Terms& before, const Terms& after, Timestamp time) {
    const auto margin = [](const Terms& terms) {
        return terms.repeat ? std::optional(terms.repeat->rearm) : std::nullopt;
    };
    if (margin(before) == margin(after)) return;
    for (RuleState& known : rules) {
        const RuleState& first = after.joined == Joined::all ? rules.front() : known;
        if (first.fired && !first.armed) known.as_of = std::max(known.as_of, time);
    }
}

Timestamp Run::resumes_at() const {
    Timestamp first = Timestamp::max();
    for (const RuleState& known : alert_.state.rules) first = std::min(first, known.as_of);
    return first;
}

// Holds go on from what the history says; where it ends before now, they are blind since.
void Run::resume(Timestamp time, Steps& steps) {
    phase_ = Phase::running;
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        take_noted(i);
        // Nothing but a price arms an age again; as of its firing, one that came late and was made before.
        const RuleState& known = rule_state(i);
        if (rule(i).watched == Watched::age && known.fired && known.armed && known.as_of > known.start)
            tracks_[i].line.had_price(known.as_of);
    }
    for (std::size_t m = 0; m < machines_.size(); ++m) {
        machines_[m] = is_armed(m) ? past_machine(m) : Machine{};
        machines_[m].judged_at = time;
    }
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const RuleState& known = rule_state(i);
        const Timestamp first_bar = next_interval_start(known.start, std::chrono::minutes{1});
        if (needs_extreme(rule(i), known.fired) && known.extreme_until < first_bar && first_bar > time)
            tracks_[i].note_at = first_bar;
    }
    if (past_rearmed_) note(true, time, steps);
    for (std::size_t m = 0; m < machines_.size(); ++m) {
        if (has_window(m)) look_back(m);
    }
    // Mutes that ended while nothing ran end before all that comes now.
    advance(time, steps);
    left_out_ = 0;
    for (std::size_t m = 0; m < machines_.size(); ++m) {
        if (!has_window(m) && !awaits_value(m)) judge(m, time, steps);
    }
}

// All that is in effect was judged by an earlier margin.
bool Run::awaits_value(std::size_t machine) const {
    const RuleState& first = rule_state(first_of(machine));
    if (!has_other_margin(first)) return false;
    for (std::size_t i = first_of(machine); i < end_of(machine); ++i) {
        const auto& current = tracks_[i].line.current();
        if (rule(i).watched == Watched::age || (current && current->time > first.as_of)) return false;
    }
    return true;
}

// As the past leaves a machine: it holds since the last of its rules does, and is blind while any of them is.
Machine Run::past_machine(std::size_t machine) const {
    Timestamp since = Timestamp::min();
    std::vector<LineGap> gaps;
    for (std::size_t i = first_of(machine); i < end_of(machine); ++i) {
        const Track& track = tracks_[i];
        if (!track.past_hold.since) return {};
        since = std::max(since, *track.past_hold.since);
        gaps.insert(gaps.end(), track.past_hold.gaps.begin(), track.past_hold.gaps.end());
        if (!track.line.current() && track.line.gone_since())
            gaps.push_back({*track.line.gone_since(), Timestamp::max()});
    }
    std::ranges::sort(gaps, {}, &LineGap::from);
    Machine out;
    Duration blind{};
    for (auto at = gaps.begin(); at != gaps.end() && !out.blind_since;) {
        LineGap gap = *at++;
        for (; at != gaps.end() && at->from < gap.to; ++at) gap.to = std::max(gap.to, at->to);
        if (gap.to <= since) continue;
        if (gap.to == Timestamp::max()) {
            if (gap.from <= since) return {};
            out.blind_since = gap.from;
        } else if (gap.from <= since || gap.to - gap.from > longest_blind) {
            since = gap.to;
            blind = {};
        } else {
            blind += gap.to - gap.from;
        }
    }
    out.true_since = out.holds_from = since + blind;
    return out;
}

// The extremes of the row, which are known as of extreme_until.
void Run::take_noted(std::size_t i) {
    const RuleState& known = rule_state(i);
    const std::optional<Decimal>* const noted[] = {&known.extreme, &known.upper_extreme};
    for (std::size_t which = 0; which < 2; ++which) {
        const auto& extremes = tracks_[i].line.extremes(which);
        auto& at_start = tracks_[i].at_start[which];
        if (!extremes || !*noted[which]) continue;
        if (!at_start || extremes->is_beyond(**noted[which], at_start->value))
            at_start = Point{**noted[which], known.start};
    }
}

bool Run::has_window(std::size_t machine) const {
    for (std::size_t i = first_of(machine); i < end_of(machine); ++i) {
        if (detail::has_window(rule(i))) return true;
    }
    return false;
}

// A window moves on without prices, which fires nothing: all there is to know is whether the last price waits for the end
// of a mute. Where another rule of `any` has fired since, it was looked at then, when the mute before ended, and waits only
// if it was still true.
void Run::look_back(std::size_t machine) {
    Timestamp last = rule_state(first_of(machine)).as_of;
    for (std::size_t i = first_of(machine); i < end_of(machine); ++i) {
        if (const auto& current = tracks_[i].line.current()) last = std::max(last, current->time);
    }
    std::vector<Timestamp> looked_at{last};
    for (std::size_t m = 0; m < machines_.size(); ++m) {
        const RuleState& other = rule_state(first_of(m));
        if (other.fired && other.start > last) looked_at.push_back(other.start);
    }
    std::ranges::sort(looked_at);
    bool& armed = rule_state(first_of(machine)).armed;
    for (const Timestamp time : looked_at) {
        Judgement then = judged(machine, time);
        then.calm = false;
        step(machines_[machine], armed, then, time, alert_.terms->hold, muted_until(), left_out_);
        if (!machines_[machine].waits_until) return;
    }
}

void Run::history(const Ticker& ticker, const Stretch& stretch) {
    if (phase_ == Phase::before && stretch.to > alert_.begun_at) {
        // It began before what is given as its past, and nothing has happened since that would have been written.
        phase_ = Phase::resuming;
        start_rules(alert_.begun_at);
        for (std::size_t i = 0; i < tracks_.size(); ++i) {
            const auto& close = tracks_[i].line.current();
            if (rule(i).watched != Watched::close || !close) continue;
            past(i, {close->time, close->time + rule(i).interval, close->value, close->value, close->value});
        }
    }
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        Line& line = tracks_[i].line;
        const Rule& rule_i = rule(i);
        const bool is_kept = rule_i.watched == Watched::price || rule_i.watched == Watched::close;
        const bool is_known = is_kept && ticker == rule_i.ticker && phase_ == Phase::resuming;
        if (is_known) {
            line.begin(rule_i, stretch);
            if (stretch.from >= rule_state(i).extreme_until) take_noted(i);
            if (rule_i.watched == Watched::close) past_closes(i, stretch);
            // Of several prices, none is known to be a part of the level of the others.
            if (rule_i.watched == Watched::price && stretch.low < stretch.high) past(i, stretch);
        }
        line.history(rule_i, ticker, stretch);
        if (is_known && rule_i.watched == Watched::price && stretch.low == stretch.high) past(i, stretch);
    }
}

void Run::begin_blind(const Ticker& ticker, Timestamp since) {
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const Rule& rule_i = rule(i);
        const bool is_its = ticker == rule_i.ticker || ticker == rule_i.other;
        const bool has_gaps = rule_i.watched == Watched::price || rule_i.watched == Watched::ratio;
        if (is_its && has_gaps) tracks_[i].line.begin_blind(since);
    }
}

// What was in effect at the end of a bar is a value from then until the next end.
void Run::past_closes(std::size_t i, const Stretch& stretch) {
    const Duration interval = rule(i).interval;
    for (Timestamp end = interval_start(stretch.from, interval) + interval; end <= stretch.to;
         end += interval) {
        if (end == stretch.to || stretch.low == stretch.high)
            past(i, {end, end + interval, stretch.last, stretch.last, stretch.last});
    }
}

// What a stretch since its last change says of a rule that goes on: whether the value has been calm, and since when it
// has held without a break. Its level is that of the beginning of the stretch.
void Run::past(std::size_t i, Stretch stretch) {
    Track& track = tracks_[i];
    const Rule& rule_i = rule(i);
    RuleState& known = rule_state(i);
    RuleState& first = rule_state(first_of(machine_of(i)));
    const bool is_exact = stretch.low == stretch.high;
    if (stretch.from == stretch.to && stretch.to == first.as_of) return;  // of before
    if (stretch.from < first.as_of) {
        if (!is_exact || stretch.to <= first.as_of || has_other_margin(first)) return;
        stretch.from = first.as_of;
    }
    // Within a stretch of several prices, the order is not known: what it says counts from its end.
    const Timestamp counts_from = is_exact ? stretch.from : stretch.to;
    const auto limits = bounds(i, stretch.from);
    const auto before = track.past_until;
    track.past_until = stretch.to;
    if (!limits) {
        track.past_hold = {};
        return;
    }
    const Decimal values[] = {stretch.low, stretch.high, stretch.last};
    const auto holds_at = [&](Decimal value) { return holds(rule_i.word, value, *limits, known.side); };
    if (!first.armed) {
        const auto is_calm_at = [&](Decimal value) {
            if (known.fired && !is_calm(rule_i.word, value, *limits)) return false;
            if (rule_i.word == Word::crosses) return known.side || value != limits->lower.level;
            return known.fired || !holds_at(value);
        };
        // What was before the gap was in an earlier stretch, unless it was before the firing.
        const auto* const first_value = stretch.goes_on ? &values[2] : std::begin(values);
        if (std::none_of(first_value, std::end(values), is_calm_at)) return;
        first.armed = past_rearmed_ = true;
        if (rule_i.word == Word::crosses && !known.side)
            known.side = side_of(*std::find_if(std::rbegin(values), std::rend(values), is_calm_at),
                                 limits->lower.level);
        const std::size_t machine = machine_of(i);
        for (std::size_t k = first_of(machine); k < end_of(machine); ++k) rule_state(k).as_of = counts_from;
        track.past_hold = {};
        if (holds_at(stretch.last)) track.past_hold.since = counts_from;
        return;
    }
    const bool is_apart = !is_exact && state_of(rule_i.word) == Word::outside &&
                          stretch.low < limits->lower.level && stretch.high > limits->upper.level;
    if (!std::all_of(std::begin(values), std::end(values), holds_at) || is_apart) {
        track.past_hold = {};
        if (holds_at(stretch.last)) track.past_hold.since = counts_from;
        return;
    }
    const Duration blind = before ? stretch.from - *before : Duration::zero();
    if (!track.past_hold.since || blind > longest_blind) {
        track.past_hold = {stretch.from, {}};
    } else if (blind > Duration::zero()) {
        track.past_hold.gaps.push_back({*before, stretch.from});
    }
}

namespace {

// Of one rule, as past_needed(). Beyond that moment nothing of the past decides.
std::optional<Timestamp> needed(const Rule& rule, const RuledAlert& alert, const RuleState* known,
                                Timestamp now) {
    constexpr Duration beyond = std::chrono::minutes{10};  // a price that was in effect at the beginning
    std::optional<Timestamp> from;
    const auto need = [&from](Timestamp time) { from = detail::earliest(from, std::optional(time)); };
    if (rule.watched == Watched::ratio) return std::nullopt;
    const Timestamp start = known ? known->start : alert.begun_at;
    const Timestamp as_of = known ? known->as_of : alert.begun_at;
    const bool goes_on = known || start < now;
    const Timestamp first = goes_on ? now : start;
    if (rule.watched == Watched::close) need(interval_start(first, rule.interval) - beyond);
    if (rule.watched == Watched::age) need(first - age_of(rule.level.number) - beyond);
    for (std::size_t which = 0; which < detail::levels_of(rule); ++which) {
        const Level& level = detail::level_of(rule, which);
        if (!is_extreme(level)) continue;
        if (level.over > Duration::zero()) {
            need(first - level.over - beyond);
        } else if (goes_on) {
            need(known ? std::max(start, known->extreme_until) : start);
        }
    }
    if (!goes_on) return from;
    const Duration hold = alert.terms->hold;
    if (hold > Duration::zero()) need(std::max(as_of, now - 2 * hold - beyond));
    if (known ? !known->armed : !is_state(rule.word)) need(as_of);
    return from;
}

}  // namespace

std::vector<std::pair<Ticker, Timestamp>> past_needed(const RuledAlert& alert, Timestamp now) {
    std::vector<std::pair<Ticker, Timestamp>> all;
    const auto& rules = alert.terms->rules;
    const bool goes_on = alert.state.rules.size() == rules.size();
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const auto from = needed(rules[i], alert, goes_on ? &alert.state.rules[i] : nullptr, now);
        if (!from || *from >= now) continue;
        const auto found = std::find_if(all.begin(), all.end(),
                                        [&](const auto& one) { return one.first == rules[i].ticker; });
        if (found == all.end()) {
            all.emplace_back(rules[i].ticker, *from);
        } else {
            found->second = std::min(found->second, *from);
        }
    }
    return all;
}

}  // namespace pricewire::rule
