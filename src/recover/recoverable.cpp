#include "recover/recoverable.hpp"

#include <algorithm>
#include <chrono>

#include "rule/detail/rule_levels.hpp"
#include "rule/levels.hpp"

namespace pricewire::recover {

using rule::detail::any_level;
using rule::detail::is_extreme;

namespace {

// Without the price at its start, the first recovered one would be taken for it.
bool knows_starts(const RuledAlert& alert) {
    const auto needs = [](const Level& level) {
        return level.from == Anchor::start || (is_extreme(level) && level.over == Duration::zero());
    };
    for (std::size_t i = 0; i < alert.terms->rules.size(); ++i) {
        if (!any_level(alert.terms->rules[i], needs)) continue;
        if (i >= alert.state.rules.size() || !alert.state.rules[i].start_price) return false;
    }
    return true;
}

bool has_only_numbers(const Terms& terms) {
    const auto is_number = [](const Level& level) { return level.from == Anchor::number; };
    return std::ranges::all_of(terms.rules, [&](const Rule& rule) {
        return is_number(rule.level) && (!rule.upper || is_number(*rule.upper));
    });
}

// The highest or lowest price since its start that a level knows.
std::optional<Decimal> extreme_of(const rule::Run& run, std::size_t i, std::size_t which) {
    const Rule& rule = run.alert().terms->rules[i];
    if (which >= rule::detail::levels_of(rule)) return std::nullopt;
    const Level& level = rule::detail::level_of(rule, which);
    if (!is_extreme(level) || level.over > Duration::zero()) return std::nullopt;
    const rule::RuleView seen = run.rules()[i];
    const auto& point = which == 0 ? seen.anchor : seen.upper_anchor;
    const auto& current = run.line(i).current();
    if (!point || !current) return point ? std::optional(point->value) : std::nullopt;
    return run.line(i).extremes(which)->is_beyond(point->value, current->value) ? point->value
                                                                                : current->value;
}

bool is_more(const Rule& rule, std::size_t which, Decimal a, const std::optional<Decimal>& b) {
    if (!b) return true;
    return rule::detail::level_of(rule, which).from == Anchor::high ? a > *b : a < *b;
}

// What was judged is stored a little later: an alert that began since then may have been watched.
constexpr Duration stored_within = std::chrono::seconds{15};

// Nothing but its terms is known of the alert as it began.
bool begins_blind(const RuledAlert& alert, Timestamp from) {
    return alert.begun_at > from && (alert.state.rules.empty() || alert.begun_at > from + stored_within);
}

}  // namespace

bool decide_together(const Terms& terms) {
    const bool any_ratio =
        std::ranges::any_of(terms.rules, [](const Rule& rule) { return rule.watched == Watched::ratio; });
    return any_ratio || (terms.joined == Joined::all && tickers_of(terms).size() > 1);
}

bool has_levels_that_move(const Terms& terms) {
    return std::ranges::any_of(terms.rules, [](const Rule& rule) { return any_level(rule, is_extreme); });
}

bool is_recoverable(const ActiveAlert& alert, Timestamp from, Timestamp to) {
    if (!alert.ruled) return false;
    const RuledAlert& ruled = *alert.ruled;
    const Terms& terms = *ruled.terms;
    if (terms.hold > Duration::zero() || ruled.begun_at >= to) return false;
    if (begins_blind(ruled, from) ? !has_only_numbers(terms) : !knows_starts(ruled)) return false;
    if (decide_together(terms) && has_levels_that_move(terms)) return false;
    if (std::ranges::any_of(ruled.state.rules,
                            [&](const RuleState& known) { return known.fired && known.start >= to; }))
        return false;
    return std::ranges::none_of(terms.rules, [](const Rule& rule) { return rule.watched == Watched::age; });
}

RuledAlert as_of(const RuledAlert& alert, Timestamp from) {
    RuledAlert out = alert;
    auto& rules = out.state.rules;
    if (begins_blind(alert, from)) rules.clear();
    for (std::size_t i = 0; i < rules.size(); ++i) {
        RuleState& known = rules[i];
        if (known.extreme_until > std::max(from, known.start)) {
            known.extreme = known.upper_extreme = known.start_price;
            known.extreme_until = std::max(from, known.start);
        }
        if (known.as_of <= from || known.as_of == known.start) continue;
        known.armed = !known.fired && rule::is_state(out.terms->rules[i].word);
        known.as_of = known.start;
        if (!known.fired) known.side.reset();
    }
    return out;
}

std::optional<StateNote> left_to_note(const ActiveAlert& alert, const rule::Run& begin,
                                      const std::array<rule::Run, 2>& runs, const AlertState* fired,
                                      Timestamp to) {
    const AlertState &a = runs[0].state(), &b = runs[1].state();
    if (runs[0].has_ended() || a.firings != b.firings || a.rules.empty() || b.rules.empty())
        return std::nullopt;
    const auto& rules = alert.ruled->terms->rules;
    const AlertState& stored = fired == nullptr ? alert.ruled->state : *fired;
    StateNote note{alert.id, a.revision, a.firings, true, stored.rules};
    for (std::size_t i = note.rules.size(); i < rules.size(); ++i) {
        const Timestamp start = a.rules[i].start;
        note.rules.push_back({.armed = rule::is_state(rules[i].word), .start = start, .as_of = start});
    }
    bool is_new = false;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        RuleState& known = note.rules[i];
        const RuleState &first = a.rules[i], &second = b.rules[i];
        if (!known.armed && first.armed && second.armed && first.side == second.side) {
            known.armed = is_new = true;
            known.as_of = std::max(first.as_of, second.as_of);
            known.side = first.side;
        }
        for (const std::size_t which : {0U, 1U}) {
            const auto now = extreme_of(runs[0], i, which);
            auto& kept = which == 0 ? known.extreme : known.upper_extreme;
            if (!now || !is_more(rules[i], which, *now, kept)) continue;
            if (known.start_price && !is_more(rules[i], which, *now, known.start_price)) continue;
            if (fired == nullptr && now == extreme_of(begin, i, which)) continue;
            kept = now;
            known.extreme_until = std::max(known.extreme_until, to);
            is_new = true;
        }
    }
    return is_new ? std::optional(std::move(note)) : std::nullopt;
}

}  // namespace pricewire::recover
