#include "alert/lines/waiting.hpp"

#include <algorithm>
#include <utility>

#include "rule/detail/rule_levels.hpp"
#include "rule/levels.hpp"

namespace pricewire::alert {

using rule::detail::is_extreme;
using rule::detail::keeps_true;
using rule::detail::level_of;
using rule::detail::levels_of;

namespace {

std::optional<Decimal> reference(const SharedLine& line) {
    if (line.state().current) return line.state().current->value;
    if (line.past().last() != nullptr) return line.past().last()->value;
    return std::nullopt;
}

bool has_moving_level(const Rule& rule) {
    return rule::detail::any_level(rule, is_extreme);
}

// --- Anchors, as rule::Run::anchor()

const SuffixEntry* extreme_since(const PiecesPast& past, bool highest, Timestamp since, bool remember) {
    return highest ? past.highs().since(since, remember) : past.lows().since(since, remember);
}

std::optional<Decimal> extreme_of(const PutAside& kept, std::size_t i, std::size_t which,
                                  const SharedLine& line) {
    const Rule& rule = kept.alert.terms->rules[i];
    const RuleState& state = kept.alert.state.rules[i];
    const bool highest = level_of(rule, which).from == Anchor::high;
    std::optional<Decimal> anchor;
    if (const auto& at_start = kept.memory.rules[i].at_start[which]) anchor = at_start->value;
    const auto take = [&](Decimal value) {
        if (!anchor || (highest ? value > *anchor : value < *anchor)) anchor = value;
    };
    const auto* entry = extreme_since(line.past(), highest, state.start, keeps_true(rule, which));
    if (entry != nullptr) take(entry->value);
    if (!anchor && line.state().current) anchor = line.state().current->value;
    return anchor;
}

// The level and margin of one that does not move; nullopt: it has none.
std::optional<rule::Bound> fixed_bound(const Terms& terms, const Level& level, const RuleState& state) {
    std::optional<Decimal> from = level.number;
    if (level.from == Anchor::start) from = state.start_price;
    if (!from) return std::nullopt;
    return rule::bound_at(*from, level.by, terms.repeat);
}

// --- Where it waits

template <Side side>
Shift shift_of(const Level& level, const QuietEnd& end, const std::optional<Repeat>& repeat) {
    constexpr std::int64_t unit = Decimal::one_raw / 10'000'000'000;  // of a percentage, in 10^-12
    Shift shift;
    if (level.by && level.by->is_percent) {
        shift.factor += static_cast<std::int64_t>(level.by->amount.raw() / unit);
    } else if (level.by) {
        shift.amount = level.by->amount;
    }
    shift.factor = std::max<std::int64_t>(shift.factor, 0);
    if (end.margin != 0 && repeat && repeat->rearm.is_percent) {
        const Decimal::Raw part = Shift::whole + end.margin * (repeat->rearm.amount.raw() / unit);
        shift.factor = static_cast<std::int64_t>(shift.factor * part / Shift::whole);
        shift.amount = Decimal::from_raw(shift.amount.raw() / Shift::whole * part +
                                         shift.amount.raw() % Shift::whole * part / Shift::whole);
    } else if (end.margin != 0 && repeat) {
        shift.amount = Decimal::from_raw(shift.amount.raw() + end.margin * repeat->rearm.amount.raw());
    }
    if (!end.at && shift.factor == Shift::whole)
        shift.amount = Decimal::from_raw(shift.amount.raw() + (side == Side::above ? 1 : -1));
    return shift;
}

template <Side side>
void wait_or_leave(const KeptAlert& kept, std::size_t i, const QuietEnd& end, Slot slot, SharedLine& line,
                   Timestamp now, bool is_wait) {
    if (end.bound == QuietEnd::Bound::none) return;
    const Terms& terms = *kept.aside.alert.terms;
    const Rule& rule = terms.rules[i];
    const RuleState& state = kept.aside.alert.state.rules[i];
    const std::size_t which = end.bound == QuietEnd::Bound::upper ? 1 : 0;
    const Level& level = level_of(rule, which);
    if (!is_extreme(level)) {
        const auto bound = fixed_bound(terms, level, state);
        Decimal::Raw at = 0;
        if (!bound) return;
        if (__builtin_add_overflow(bound->level.raw(), end.margin * bound->margin.raw(), &at)) return;
        if (!end.at && __builtin_add_overflow(at, side == Side::above ? 1 : -1, &at)) return;
        if (is_wait) {
            line.wait_at<side>(Decimal::from_raw(at), slot);
        } else {
            line.leave<side>(Decimal::from_raw(at), slot);
        }
        return;
    }
    const Side extreme = level.from == Anchor::high ? Side::above : Side::below;
    const Shift shift = shift_of<side>(level, end, terms.repeat);
    if (level.over > Duration::zero()) {
        const WindowKind kind{level.over, extreme, keeps_true(rule, which), !level.by};
        if (is_wait) {
            line.wait_in_window<side>(kind, shift, slot, now);
        } else {
            line.leave_window<side>(kind, shift, slot);
        }
        return;
    }
    const auto anchor = extreme_of(kept.aside, i, which, line);
    if (is_wait && anchor) {
        line.wait_in_class<side>(extreme, *anchor, shift, slot);
    } else if (!is_wait) {
        line.leave_class<side>(extreme, anchor.value_or(Decimal{}), shift, slot);
    }
}

void wait_or_leave(const KeptAlert& kept, Slot slot, Markets& markets, Timestamp now, bool is_wait) {
    const auto& rules = kept.aside.alert.terms->rules;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        SharedLine& line = markets.line(rules[i].ticker);
        wait_or_leave<Side::below>(kept, i, kept.quiet[i].down, slot, line, now, is_wait);
        wait_or_leave<Side::above>(kept, i, kept.quiet[i].up, slot, line, now, is_wait);
    }
}

// --- What it waits for

Place place_of(Word word, Stage stage, const rule::RuleView& view, std::optional<Decimal> value) {
    if (!value || !view.level || !view.upper) return Place::between;
    if (*value < *view.level) return Place::below;
    if (*value > *view.upper) return Place::above;
    // Of `outside`, not far enough within: on the side of the nearer bound.
    if (stage == Stage::disarmed && word == Word::outside)
        return *value - *view.level < *view.upper - *value ? Place::below : Place::above;
    return Place::between;
}

Stage stage_of(const RuleState& state) {
    if (state.armed) return Stage::idle;
    return state.fired ? Stage::disarmed : Stage::fresh;
}

std::vector<rule::LineGap> gaps_since(std::vector<rule::LineGap> gaps, Timestamp since) {
    std::erase_if(gaps, [&](const rule::LineGap& gap) { return gap.to <= since; });
    return gaps;
}

// Whether the line of an extreme knows what its alert's own run does, as of any time since `reach`.
bool is_known(const Level& level, const RuleState& state, const rule::Line& own, const SharedLine& line,
              Timestamp reach) {
    if (!own.known_from() || !line.state().known_from) return false;
    const Timestamp known_from = std::max(*own.known_from(), *line.state().known_from);
    if (level.over == Duration::zero())
        return known_from <= state.start ||
               (state.extreme_until != Timestamp{} && known_from <= state.extreme_until);
    const Timestamp begin = reach - level.over;
    // After a firing a window counts from there, until it is shorter than the time since.
    if (known_from >= begin || (state.fired && state.start >= begin)) return false;
    return gaps_since(own.gaps(), begin) == gaps_since(line.gaps_until(Timestamp::max()), begin);
}

// --- Runs

void fill(rule::Line& out, const PutAside& aside, std::size_t i, const SharedLine& line, Timestamp time) {
    const Rule& rule = aside.alert.terms->rules[i];
    for (std::size_t which = 0; which < levels_of(rule); ++which) {
        auto& extremes = out.extremes(which);
        if (!extremes) continue;
        const Level& level = level_of(rule, which);
        const bool in_window = level.over > Duration::zero();
        const Timestamp since = in_window ? time - level.over : aside.alert.state.rules[i].start;
        const bool remember = keeps_true(rule, which);
        const auto add = [&](const SuffixEntry& entry) {
            extremes->add({entry.value, entry.from()}, remember ? entry.at_most : entry.at_least());
        };
        // A window moves on, a start does not.
        const Timestamp last = in_window ? Timestamp::max() : since;
        if (level.from == Anchor::high) {
            line.past().highs().each_between(since, last, remember, add);
        } else {
            line.past().lows().each_between(since, last, remember, add);
        }
    }
}

}  // namespace

bool is_put_aside(const Terms& terms) {
    if (terms.joined != Joined::one) return false;
    const Rule& rule = terms.rules[0];
    const Word word = rule::state_of(rule.word);
    return rule.watched == Watched::price && word != Word::inside &&
           (word != Word::crosses || !has_moving_level(rule));
}

void keep_lines(const Terms& terms, Markets& markets) {
    for (const Rule& rule : terms.rules) {
        SharedLine& line = markets.line(rule.ticker);
        for (std::size_t which = 0; which < levels_of(rule); ++which) {
            const Level& level = level_of(rule, which);
            if (!is_extreme(level)) continue;
            line.keep(level.over > Duration::zero() ? level.over + std::chrono::minutes{6} : Duration::max());
        }
    }
}

bool can_wait(const rule::Run& run, Timestamp since, Timestamp reach, Markets& markets) {
    const rule::Run::Memory memory = run.memory();
    const Terms& terms = *run.alert().terms;
    const auto& states = run.state().rules;
    if (!run.has_begun() || run.has_ended() || since >= reach) return false;
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        const Rule& rule = terms.rules[i];
        if (states[i].as_of >= reach || memory.rules[i].machine.true_since || memory.rules[i].note_at ||
            !states[i].start_price)
            return false;
        // A gap before all that it was given is known to its line only.
        const rule::Line& own = run.line(i);
        const rule::LineState& line = markets.line(rule.ticker).state();
        if (own.previous() != line.previous || own.gone_since() != line.gone_since) return false;
        for (std::size_t which = 0; which < levels_of(rule); ++which) {
            const Level& level = level_of(rule, which);
            if (is_extreme(level) && !is_known(level, states[i], own, markets.line(rule.ticker), reach))
                return false;
        }
    }
    return true;
}

KeptAlert put_aside(const Uuid& id, const rule::Run& run, Timestamp since, Markets& markets) {
    KeptAlert kept{.id = id, .aside = {run.alert(), run.memory(), since}};
    const Terms& terms = *run.alert().terms;
    const auto& states = run.state().rules;
    const auto views = run.rules();
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        const Stage stage = stage_of(states[i]);
        const Word word = rule::state_of(terms.rules[i].word);
        const Place place = place_of(word, stage, views[i], reference(markets.line(terms.rules[i].ticker)));
        kept.quiet[i] = quiet_of(terms.rules[i].word, stage, place, states[i].side);
    }
    return kept;
}

rule::Run run_of(const PutAside& aside, Markets& markets, Timestamp time) {
    const auto& rules = aside.alert.terms->rules;
    std::vector<rule::Line> lines;
    lines.reserve(rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
        SharedLine& line = markets.line(rules[i].ticker);
        lines.emplace_back(rules[i], line.as_of(time), line.gaps_until(time));
        if (!has_moving_level(rules[i])) continue;
        std::vector<Piece> later;
        line.take_back(time, later);
        fill(lines.back(), aside, i, line, time);
        for (auto piece = later.rbegin(); piece != later.rend(); ++piece) line.past().push(*piece);
    }
    return {aside.alert, aside.memory, std::move(lines), time - Duration{1}};
}

void wait(const KeptAlert& kept, Slot slot, Markets& markets, Timestamp now) {
    wait_or_leave(kept, slot, markets, now, true);
}

void leave(const KeptAlert& kept, Slot slot, Markets& markets) {
    wait_or_leave(kept, slot, markets, Timestamp{}, false);
}

}  // namespace pricewire::alert
