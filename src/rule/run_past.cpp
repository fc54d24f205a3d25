#include <algorithm>
#include <iterator>

#include "domain/bars.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/run.hpp"

// How a Run goes on after a restart: what the past says, and which past it needs.
namespace pricewire::rule {

using detail::is_extreme;
using detail::needs_extreme;

Timestamp Run::resumes_at() const {
    Timestamp first = Timestamp::max();
    for (const RuleState& known : alert_.state.rules) first = std::min(first, known.as_of);
    return first;
}

// Holds go on from what the history says; where it ends before now, they are blind since.
void Run::resume(Timestamp time, Steps& steps) {
    phase_ = Phase::running;
    for (std::size_t m = 0; m < machines_.size(); ++m) {
        Machine& machine = machines_[m];
        bool holds = is_armed(m);
        for (std::size_t i = first_of(m); i < end_of(m); ++i) {
            const Track& track = tracks_[i];
            holds = holds && track.past_true_since;
            if (!holds) break;
            machine.true_since =
                std::max(machine.true_since.value_or(Timestamp::min()), *track.past_true_since);
            if (!track.line.current() && track.line.gone_since())
                machine.blind_since = detail::earliest(machine.blind_since, track.line.gone_since());
        }
        if (!holds) machine = {};
        machine.holds_from = machine.true_since;
        machine.judged_at = time;
    }
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const RuleState& known = rule_state(i);
        const Timestamp first_bar = next_interval_start(known.start, std::chrono::minutes{1});
        if (needs_extreme(rule(i), known.fired) && known.extreme_until < first_bar && first_bar > time)
            tracks_[i].note_at = first_bar;
    }
    if (past_rearmed_) note(true, time, steps);
    for (std::size_t m = 0; m < machines_.size(); ++m) judge(m, time, steps);
}

void Run::history(const Ticker& ticker, const Stretch& stretch) {
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        Line& line = tracks_[i].line;
        const Rule& rule_i = rule(i);
        const bool is_kept = rule_i.watched == Watched::price || rule_i.watched == Watched::close;
        if (is_kept && ticker == rule_i.ticker && phase_ == Phase::resuming) {
            line.begin(rule_i, stretch);
            past(i, stretch);
        }
        line.history(rule_i, ticker, stretch);
    }
}

// What a stretch since its last change says of a rule that goes on: whether the value has been calm, and since when it
// has held without a break. Its level is that of the beginning of the stretch.
void Run::past(std::size_t i, Stretch stretch) {
    Track& track = tracks_[i];
    const Rule& rule_i = rule(i);
    RuleState& known = rule_state(i);
    RuleState& first = rule_state(first_of(machine_of(i)));
    if (rule_i.watched == Watched::close) {
        if (interval_start(stretch.to, rule_i.interval) != stretch.to) return;
        stretch = {stretch.to - rule_i.interval, stretch.to, stretch.last, stretch.last, stretch.last};
        if (stretch.to < first.as_of) return;
    } else if (stretch.from < first.as_of) {
        if (stretch.low < stretch.high || stretch.to <= first.as_of) return;
        stretch.from = first.as_of;
    }
    const auto limits = bounds(i, stretch.from);
    const auto before = track.past_until;
    track.past_until = stretch.to;
    if (!limits) {
        track.past_true_since.reset();
        return;
    }
    const Decimal values[] = {stretch.low, stretch.high, stretch.last};
    const auto holds_at = [&](Decimal value) { return holds(rule_i.word, value, *limits, known.side); };
    if (!first.armed) {
        const auto is_calm_at = [&](Decimal value) {
            if (known.fired) return is_calm(rule_i.word, value, *limits);
            if (rule_i.word == Word::crosses) return value != limits->lower.level;
            return !holds_at(value);
        };
        if (std::none_of(std::begin(values), std::end(values), is_calm_at)) return;
        first.armed = past_rearmed_ = true;
        if (rule_i.word == Word::crosses && !known.side)
            known.side = side_of(*std::find_if(std::rbegin(values), std::rend(values), is_calm_at),
                                 limits->lower.level);
        const std::size_t machine = machine_of(i);
        for (std::size_t k = first_of(machine); k < end_of(machine); ++k) rule_state(k).as_of = stretch.to;
        track.past_true_since.reset();
        if (holds_at(stretch.last)) track.past_true_since = stretch.to;
        return;
    }
    const bool is_apart = state_of(rule_i.word) == Word::outside && stretch.low < limits->lower.level &&
                          stretch.high > limits->upper.level;
    if (!std::all_of(std::begin(values), std::end(values), holds_at) || is_apart) {
        track.past_true_since.reset();
        if (holds_at(stretch.last)) track.past_true_since = stretch.to;
        return;
    }
    const Duration blind = before ? stretch.from - *before : Duration::zero();
    if (!track.past_true_since || blind > longest_blind) {
        track.past_true_since = stretch.from;
    } else {
        *track.past_true_since += blind;
    }
}

namespace {

// Of one rule, as past_needed(). Beyond that moment nothing of the past decides.
std::optional<Timestamp> needed(const Rule& rule, const RuledAlert& alert, const RuleState* known,
                                Timestamp now) {
    constexpr Duration beyond = std::chrono::minutes{10};  // a price that was in effect at the beginning
    std::optional<Timestamp> from;
    const auto need = [&from](Timestamp time) { from = detail::earliest(from, std::optional(time)); };
    const Timestamp begin = known ? now : std::min(alert.begun_at, now);
    if (rule.watched == Watched::ratio) return std::nullopt;
    if (rule.watched == Watched::close) need(interval_start(begin, rule.interval) - beyond);
    if (rule.watched == Watched::age) {
        const auto seconds = static_cast<std::int64_t>(rule.level.number.raw() / Decimal::one_raw);
        need(begin - std::chrono::seconds{seconds} - beyond);
    }
    for (const Level* level : {&rule.level, rule.upper ? &*rule.upper : nullptr}) {
        if (!level || !is_extreme(*level)) continue;
        if (level->over > Duration::zero()) need(begin - level->over - beyond);
        if (level->over == Duration::zero() && known) need(std::max(known->start, known->extreme_until));
    }
    if (!known) return from;
    const Duration hold = alert.terms->hold;
    if (hold > Duration::zero()) need(std::max(known->as_of, now - 2 * hold - beyond));
    if (!known->armed) need(known->as_of);
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
