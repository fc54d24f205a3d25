#include "alert/lines/waiting.hpp"

#include <algorithm>
#include <utility>

#include "alert/lines/places.hpp"
#include "rule/detail/rule_levels.hpp"
#include "rule/levels.hpp"

namespace pricewire::alert {

using rule::detail::is_extreme;
using rule::detail::keeps_true;
using rule::detail::level_of;
using rule::detail::levels_of;

namespace {

// The last value, whether it is in effect or not.
std::optional<Decimal> reference(const Rule& rule, Markets& markets) {
    if (rule.watched == Watched::close) {
        const CloseLine& close = markets.close(rule);
        return close.line().current() ? close.line().current()->value : close.last_close();
    }
    const auto last = markets.line(rule).newest();
    return last ? std::optional(last->value) : std::nullopt;
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

Stage stage_of(const RuleState& state, const rule::Machine& machine) {
    if (state.armed) return machine.true_since ? Stage::holding : Stage::idle;
    return state.fired ? Stage::disarmed : Stage::fresh;
}

// After a firing a window counts from there, until it is shorter than the time since.
bool counts_from_start(const Level& level, const RuleState& state, Timestamp reach) {
    return state.fired && level.over > Duration::zero() && state.start >= reach - level.over;
}

// Where a window counts from a start, it is taken for one that does for ever. Its extreme is then too extreme later, which
// wakes early on the other side, and late on its own: there it cannot be. `false` says so.
template <Side side>
bool marks_start(QuietEnd& end, const Rule& rule, const RuleState& state, Timestamp reach) {
    if (end.bound != QuietEnd::Bound::lower && end.bound != QuietEnd::Bound::upper) return true;
    const Level& level = level_of(rule, end.bound == QuietEnd::Bound::upper ? 1 : 0);
    if (!is_extreme(level) || !counts_from_start(level, state, reach)) return true;
    end.from_start = true;
    return (level.from == Anchor::high) != (side == Side::above);
}

// nullopt: it cannot be told.
std::optional<Quiet> quiet_between(const PutAside& aside, std::size_t i, const rule::RuleView& view,
                                   Timestamp reach, Markets& markets) {
    const Terms& terms = *aside.alert.terms;
    const auto& states = aside.alert.state.rules;
    const Rule& rule = terms.rules[i];
    // Rules joined by `all` are armed together.
    const std::size_t machine = terms.joined == Joined::all ? 0 : i;
    const Stage stage = stage_of(states[machine], aside.memory.rules[machine].machine);
    if (rule.watched == Watched::age) {
        if (stage != Stage::idle) return std::nullopt;
        return quiet_of(rule.word, stage, Place::below, std::nullopt);
    }
    if (!states[i].start_price) {
        if (rule.watched == Watched::close) return Quiet{.down = {.bound = QuietEnd::Bound::any}};
        return std::nullopt;
    }
    const Word word = rule::state_of(rule.word);
    const Place place = place_of(word, stage, view, reference(rule, markets));
    if (word == Word::inside && stage == Stage::idle && place == Place::between) {
        // One of `all` that is true is not what is waited for.
        return terms.joined == Joined::all ? std::optional(Quiet{}) : std::nullopt;
    }
    if (word == Word::inside && (!view.level || *view.level > *view.upper)) return std::nullopt;
    Quiet quiet = quiet_of(rule.word, stage, place, states[i].side);
    if (!marks_start<Side::below>(quiet.down, rule, states[i], reach)) return std::nullopt;
    if (!marks_start<Side::above>(quiet.up, rule, states[i], reach)) return std::nullopt;
    return quiet;
}

// Of an alert whose rules are joined by `all`, one that has been false for as long as prices are judged again is enough:
// until it is true, nothing happens. It is the only one that counts then.
bool watch_one(KeptAlert& kept, Timestamp reach, Markets& markets) {
    const Terms& terms = *kept.aside.alert.terms;
    const auto is_false = [&](std::size_t i) {
        const Rule& rule = terms.rules[i];
        if (has_moving_level(rule) || kept.quiet[i] == Quiet{}) return false;
        const RuleState& state = kept.aside.alert.state.rules[i];
        const SharedLine& line = markets.line(rule);
        const auto last = line.newest();
        if (!last) return false;
        Decimal low = last->value, high = last->value;
        if (const auto* entry = line.past().lows().since(reach)) low = std::min(low, entry->value);
        if (const auto* entry = line.past().highs().since(reach)) high = std::max(high, entry->value);
        const Quiet& quiet = kept.quiet[i];
        if (quiet.down.bound != QuietEnd::Bound::none) {
            const auto down = fixed_end<Side::below>(terms, rule, state, quiet.down);
            if (!down || low <= *down) return false;
        }
        if (quiet.up.bound != QuietEnd::Bound::none) {
            const auto up = fixed_end<Side::above>(terms, rule, state, quiet.up);
            if (!up || high >= *up) return false;
        }
        return true;
    };
    // Where an `inside` that tells what was passed was before its channel has to be known.
    const std::size_t most = terms.rules[0].word == Word::inside ? 1 : terms.rules.size();
    for (std::size_t i = 0; i < most; ++i) {
        if (!is_false(i)) continue;
        for (std::size_t other = 0; other < terms.rules.size(); ++other) {
            if (other != i) kept.quiet[other] = {};
        }
        return true;
    }
    return false;
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
    const bool is_from_start = counts_from_start(level, state, reach);
    const Timestamp begin = is_from_start ? state.start : reach - level.over;
    if (is_from_start ? known_from > begin : known_from >= begin) return false;
    return gaps_since(own.gaps(), begin) == gaps_since(line.gaps_until(Timestamp::max()), begin);
}

// Of one that was given less, or more, only what nothing asks for any more differs.
bool has_no_gap_since(const std::vector<rule::LineGap>& gaps, const std::optional<Timestamp>& since) {
    return !since || std::ranges::all_of(gaps, [&](const rule::LineGap& gap) { return gap.to <= *since; });
}

// Whether the lines of many alerts know of a rule what its alert's own run does, as of any time since `reach`.
bool knows_as_much(const Rule& rule, const RuleState& state, const rule::Line& own, Timestamp reach,
                   Markets& markets) {
    if (rule.watched == Watched::age) {
        const auto last = markets.line(rule).newest();
        return last && own.reached(Decimal{}) == last->time && own.last_price() == last->value;
    }
    if (rule.watched == Watched::close) {
        const CloseLine& close = markets.close(rule);
        const rule::Line& line = close.line();
        const auto since =
            rule::detail::earliest(own.previous(), close.as_of(reach, std::nullopt).previous());
        return own.current() == line.current() && own.gone_since() == line.gone_since() &&
               own.bar_end() == line.bar_end() && has_no_gap_since(own.gaps(), since) &&
               has_no_gap_since(line.gaps(), since);
    }
    // A gap before all that it was given is known to its line only.
    const SharedLine& line = markets.line(rule);
    if (own.previous() != line.state().previous || own.gone_since() != line.state().gone_since) return false;
    for (std::size_t which = 0; which < levels_of(rule); ++which) {
        const Level& level = level_of(rule, which);
        if (is_extreme(level) && !is_known(level, state, own, line, reach)) return false;
    }
    return true;
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
    const bool is_all = terms.joined == Joined::all;
    return std::ranges::all_of(terms.rules, [&](const Rule& rule) {
        if (rule.watched == Watched::age || rule.watched == Watched::close) return false;
        if (is_all && rule::detail::has_window(rule)) return false;
        return !has_moving_level(rule) || rule::state_of(rule.word) != Word::inside;
    });
}

void keep_lines(const Terms& terms, std::span<const std::shared_ptr<const LinePast>> pasts, Timestamp time,
                Markets& markets) {
    for (const Rule& rule : terms.rules) {
        SharedLine& line = markets.line(rule);
        if (rule.watched == Watched::close) markets.close(rule, pasts, time);
        for (std::size_t which = 0; which < levels_of(rule); ++which) {
            const Level& level = level_of(rule, which);
            if (!is_extreme(level)) continue;
            line.keep(level.over > Duration::zero() ? level.over + std::chrono::minutes{6} : Duration::max());
        }
    }
    for (const auto& past : pasts) {
        if (markets.find(past->ticker) != nullptr) markets.take_past(*past);
    }
}

std::optional<KeptAlert> put_aside(const Uuid& id, const rule::Run& run, Timestamp since, Timestamp reach,
                                   Markets& markets) {
    const Terms& terms = *run.alert().terms;
    const auto& states = run.state().rules;
    if (!run.has_begun() || run.has_ended() || !run.has_all_happened() || since >= reach) return std::nullopt;
    KeptAlert kept{.id = id, .aside = {run.alert(), run.memory(), since}};
    const auto views = run.rules();
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        const rule::Run::Memory::OfRule& memory = kept.aside.memory.rules[i];
        if (states[i].as_of >= reach || memory.machine.true_since || memory.note_at) return std::nullopt;
        if (!knows_as_much(terms.rules[i], states[i], run.line(i), reach, markets)) return std::nullopt;
        const auto quiet = quiet_between(kept.aside, i, views[i], reach, markets);
        if (!quiet) return std::nullopt;
        kept.quiet[i] = *quiet;
    }
    const bool is_idle = states[0].armed && !kept.aside.memory.rules[0].machine.true_since;
    if (terms.joined == Joined::all && is_idle && !watch_one(kept, reach, markets)) return std::nullopt;
    return kept;
}

rule::Run run_of(const PutAside& aside, Markets& markets, Timestamp time) {
    const auto& rules = aside.alert.terms->rules;
    std::vector<rule::Line> lines;
    lines.reserve(rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
        lines.push_back(markets.line_as_of(rules[i], time));
        if (!has_moving_level(rules[i])) continue;
        SharedLine& line = markets.line(rules[i]);
        std::vector<Piece> later;
        line.take_back(time, later);
        fill(lines.back(), aside, i, line, time);
        for (auto piece = later.rbegin(); piece != later.rend(); ++piece) line.past().push(*piece);
    }
    return {aside.alert, aside.memory, std::move(lines), time - Duration{1}};
}

}  // namespace pricewire::alert
