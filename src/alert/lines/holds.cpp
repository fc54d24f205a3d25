#include "alert/lines/holds.hpp"

#include <algorithm>

#include "alert/lines/places.hpp"
#include "rule/levels.hpp"

namespace pricewire::alert {
namespace {

bool is_above(const Rule& rule) {
    return rule::state_of(rule.word) == Word::above;
}

}  // namespace

bool is_hold_in_past(const RuledAlert& alert, const rule::Machine& machine, Timestamp from) {
    const Terms& terms = *alert.terms;
    if (terms.hold == Duration::zero() || terms.joined != Joined::one || !alert.state.rules[0].armed)
        return false;
    const Rule& rule = terms.rules[0];
    const Word word = rule::state_of(rule.word);
    const bool is_line = rule.watched == Watched::price || rule.watched == Watched::ratio;
    if (!is_line || (word != Word::above && word != Word::below) || has_moving_level(rule)) return false;
    // Where a mute ends later than a hold, what is false before is counted.
    const auto muted_until = std::max(alert.state.muted_until, alert.state.snoozed_until);
    return !machine.waits_until &&
           (!muted_until || *muted_until <= machine.true_since.value_or(from) + terms.hold);
}

rule::Machine hold_as_of(const PutAside& aside, const SharedLine& line, const rule::LineState& state,
                         Timestamp time) {
    const RuledAlert& alert = aside.alert;
    const Rule& rule = alert.terms->rules[0];
    const auto bound = fixed_bound(*alert.terms, rule.level, alert.state.rules[0]);
    rule::Machine machine;
    const auto& current = state.current;
    machine.judged_at = current ? current->time : state.gone_since.value_or(Timestamp::min());
    if (!bound) return machine;
    if (current && (is_above(rule) ? current->value <= bound->level : current->value >= bound->level))
        return machine;
    const PiecesPast& past = line.past();
    const auto false_until = is_above(rule) ? past.lows().last_reaching(bound->level, false)
                                            : past.highs().last_reaching(bound->level, false);
    const std::vector<rule::LineGap> gaps = line.gaps_between(*aside.hold_from, time);
    const rule::Machine& known = aside.memory.rules[0].machine;
    std::optional<Timestamp> since;
    if (false_until && *false_until >= *aside.hold_from) {
        since = *false_until;
        // It was false, and then there was no value: the next one began it.
        if (!current && state.gone_since == since) return machine;
        for (const rule::LineGap& gap : gaps) {
            if (gap.from == *since) since = gap.to;
        }
    } else if (known.true_since) {
        machine.true_since = known.true_since;
        machine.holds_from = known.holds_from;
        since = *aside.hold_from;
    } else if (!gaps.empty() && gaps.front().from <= *aside.hold_from) {
        since = gaps.front().to;
    } else if (state.known_from && *state.known_from >= *aside.hold_from) {
        since = *state.known_from;  // its first value of all, or what was before that is forgotten
        // While there was none, that begins with the next one.
        for (const rule::LineGap& gap : gaps) {
            if (gap.from <= *since && *since < gap.to) since = gap.to;
        }
    }
    if (!since) return machine;
    if (!machine.true_since) machine.true_since = machine.holds_from = since;
    for (const rule::LineGap& gap : gaps) {
        if (gap.from < *since) continue;
        if (gap.to - gap.from > rule::longest_blind) {
            machine.true_since = machine.holds_from = gap.to;
        } else {
            *machine.true_since += gap.to - gap.from;
        }
    }
    if (!current) machine.blind_since = state.gone_since;
    return machine;
}

}  // namespace pricewire::alert
