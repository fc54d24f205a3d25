#include "alert/lines/holds.hpp"

#include <algorithm>

#include "alert/lines/places.hpp"
#include "rule/levels.hpp"

namespace pricewire::alert {
namespace {

// The values at which it does not hold: `low` or above, and `high` or below.
struct Calm {
    std::optional<Decimal> low, high;

    bool has(Decimal value) const { return (!low || value >= *low) && (!high || value <= *high); }
};

// nullopt: its levels move, are not known, or it does not hold between them.
std::optional<Calm> calm_of(const RuledAlert& alert) {
    const Terms& terms = *alert.terms;
    const Rule& rule = terms.rules[0];
    const RuleState& state = alert.state.rules[0];
    const auto level = has_moving_level(rule) ? std::nullopt : fixed_bound(terms, rule.level, state);
    if (!level) return std::nullopt;
    const Calm up{.high = level->level}, down{.low = level->level};
    switch (rule::state_of(rule.word)) {
        case Word::above:
            return up;
        case Word::below:
            return down;
        case Word::crosses:
            return !state.side ? std::nullopt : std::optional(*state.side == Side::below ? up : down);
        case Word::outside: {
            const auto upper = fixed_bound(terms, *rule.upper, state);
            if (!upper || upper->level < level->level) return std::nullopt;
            return Calm{level->level, upper->level};
        }
        default:
            return std::nullopt;
    }
}

}  // namespace

bool is_hold_in_past(const RuledAlert& alert, const rule::Machine& machine, Timestamp from) {
    const Terms& terms = *alert.terms;
    if (terms.hold == Duration::zero() || terms.joined != Joined::one || !alert.state.rules[0].armed)
        return false;
    const Watched watched = terms.rules[0].watched;
    if (watched != Watched::price && watched != Watched::ratio) return false;
    if (!calm_of(alert)) return false;
    // Where a mute ends later than a hold, what is false before is counted.
    const auto muted_until = std::max(alert.state.muted_until, alert.state.snoozed_until);
    return !machine.waits_until &&
           (!muted_until || *muted_until <= machine.true_since.value_or(from) + terms.hold);
}

rule::Machine hold_as_of(const PutAside& aside, const SharedLine& line, const rule::LineState& state,
                         Timestamp time) {
    const auto calm = calm_of(aside.alert);
    rule::Machine machine;
    const auto& current = state.current;
    machine.judged_at = current ? current->time : state.gone_since.value_or(Timestamp::min());
    if (!calm || (current && calm->has(current->value))) return machine;
    const PiecesPast& past = line.past();
    // A value beyond a channel is on the one side of it since the last one that was not.
    std::optional<Decimal> last = current ? std::optional(current->value) : std::nullopt;
    if (!last && past.last() != nullptr) last = past.last()->value;
    const bool is_above = calm->high && (!calm->low || (last && *last > *calm->high));
    const auto false_until = is_above ? past.lows().last_reaching(*calm->high, false)
                                      : past.highs().last_reaching(*calm->low, false);
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

std::optional<Timestamp> last_beyond(const PutAside& aside, const SharedLine& line, Side side) {
    const auto calm = calm_of(aside.alert);
    if (!calm || !calm->low || !calm->high) return std::nullopt;
    const PiecesPast& past = line.past();
    const bool is_above = side == Side::above;
    const auto last = line.newest();
    if (last && (is_above ? last->value > *calm->high : last->value < *calm->low)) return line.last();
    return is_above ? past.highs().last_reaching(*calm->high, true)
                    : past.lows().last_reaching(*calm->low, true);
}

bool came_from_calm(const PutAside& aside, const SharedLine& line) {
    const auto calm = calm_of(aside.alert);
    const Piece* const last = line.past().last();
    return calm && last != nullptr && calm->has(last->value);
}

Side other_side(const PutAside& aside, Decimal value) {
    const auto calm = calm_of(aside.alert);
    return calm && calm->low && value < *calm->low ? Side::above : Side::below;
}

}  // namespace pricewire::alert
