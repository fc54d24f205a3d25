#include "alert/lines/waiting.hpp"

#include <algorithm>
#include <utility>

#include "alert/lines/holds.hpp"
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

bool counts_from_start(const Level& level, const RuleState& state, Timestamp from) {
    return state.fired && level.over > Duration::zero() && counts_from_start_until(level, state) >= from;
}

// Whether there is no price yet from which a high or low counts: the one that fired turned out to have been gone by then.
// The next one is its own level, whatever it is, so that there is nowhere to wait.
bool has_nothing_since_start(const Rule& rule, const RuleState& state, const rule::RuleView& view,
                             Timestamp from) {
    const auto has_nothing = [&](const Level& level, const std::optional<rule::Point>& anchor) {
        const bool is_from_start = level.over == Duration::zero() || counts_from_start(level, state, from);
        return is_extreme(level) && is_from_start && !anchor;
    };
    return has_nothing(rule.level, view.anchor) ||
           (rule.upper && has_nothing(*rule.upper, view.upper_anchor));
}

void mark_start(QuietEnd& end, const Rule& rule, const RuleState& state, Timestamp from) {
    if (end.bound != QuietEnd::Bound::lower && end.bound != QuietEnd::Bound::upper) return;
    end.from_start =
        counts_from_start(level_of(rule, end.bound == QuietEnd::Bound::upper ? 1 : 0), state, from);
}

// Between bounds that move. They may come to be in the wrong order; a value beyond both is then above the
// channel.
std::optional<Quiet> quiet_of_moving_channel(const KeptAlert& kept, std::size_t i, Stage stage,
                                             bool is_true_of_all) {
    const Rule& rule = kept.aside.alert.terms->rules[i];
    const RuleState& state = kept.aside.alert.state.rules[i];
    const auto from_start = [&](const Level& level) { return counts_from_start(level, state, kept.from); };
    if (stage == Stage::disarmed || rule::detail::any_level(rule, from_start)) return std::nullopt;
    if (stage != Stage::idle || is_true_of_all)
        return quiet_of(rule.word, Stage::holding, Place::between, {});
    const auto& outside = kept.aside.memory.rules[i].outside;
    if (!outside) return std::nullopt;
    const bool is_below = *outside == Side::below;
    Quiet quiet = quiet_of(rule.word, stage, is_below ? Place::below : Place::above, {});
    quiet.above_upper = is_below;
    return quiet;
}

// nullopt: it cannot be told.
std::optional<Quiet> quiet_between(const KeptAlert& kept, std::size_t i, const rule::RuleView& view,
                                   Markets& markets) {
    const Terms& terms = *kept.aside.alert.terms;
    const auto& states = kept.aside.alert.state.rules;
    const Rule& rule = terms.rules[i];
    // Rules joined by `all` are armed together.
    const bool is_all = terms.joined == Joined::all;
    const std::size_t machine = is_all ? 0 : i;
    const Stage stage = stage_of(states[machine], kept.aside.memory.rules[machine].machine);
    if (rule.watched == Watched::age) {
        // Any price makes an age short again.
        if (stage != Stage::idle) return Quiet{.down = {.bound = QuietEnd::Bound::any}};
        if (view.holds != false) return std::nullopt;
        return quiet_of(rule.word, stage, Place::below, std::nullopt);
    }
    if (!states[i].start_price) {
        // Its first value is its start.
        if (rule.watched != Watched::close && view.value) return std::nullopt;
        return Quiet{.down = {.bound = QuietEnd::Bound::any}};
    }
    if (has_nothing_since_start(rule, states[i], view, kept.from)) return std::nullopt;
    const Word word = rule::state_of(rule.word);
    if (word == Word::inside && has_moving_level(rule)) {
        if (!view.level || !view.upper) return std::nullopt;
        return quiet_of_moving_channel(kept, i, stage, is_all && view.holds == true);
    }
    const Place place = place_of(word, stage, view, reference(rule, markets));
    if (word == Word::inside && stage == Stage::idle && place == Place::between) {
        // The first one tells where its value was before the channel.
        if (!is_all) return std::nullopt;
        return i == 0 ? quiet_of(rule.word, Stage::holding, place, std::nullopt) : Quiet{};
    }
    // Its next value tells from which side it comes.
    const auto& outside = kept.aside.memory.rules[i].outside;
    const bool is_told = outside == (place == Place::below ? Side::below : Side::above);
    if (word == Word::inside && place != Place::between && !is_told) return std::nullopt;
    Quiet quiet = quiet_of(rule.word, stage, place, states[i].side);
    mark_start(quiet.down, rule, states[i], kept.from);
    mark_start(quiet.up, rule, states[i], kept.from);
    return quiet;
}

// From when on values of the rule, of which the last one is quiet, have been so; nullopt: its levels move, so
// that it is known of now only.
std::optional<Timestamp> quiet_from(const KeptAlert& kept, std::size_t i, Markets& markets) {
    const Terms& terms = *kept.aside.alert.terms;
    const Rule& rule = terms.rules[i];
    const RuleState& state = kept.aside.alert.state.rules[i];
    if (!state.start_price) return kept.from;  // it has had none
    if (has_moving_level(rule)) return std::nullopt;
    const PiecesPast& past = markets.line(rule).past();
    Timestamp from = kept.from;
    const auto begin_after = [&](const std::optional<Timestamp>& until) {
        if (until) from = std::max(from, *until + Duration{1});
    };
    const Quiet& quiet = kept.quiet[i];
    if (quiet.down.bound != QuietEnd::Bound::none) {
        const auto down = fixed_end<Side::below>(terms, rule, state, quiet.down);
        if (!down) return std::nullopt;
        begin_after(past.lows().last_reaching(*down, false));
    }
    if (quiet.up.bound != QuietEnd::Bound::none) {
        const auto up = fixed_end<Side::above>(terms, rule, state, quiet.up);
        if (!up) return std::nullopt;
        begin_after(past.highs().last_reaching(*up, false));
    }
    return from;
}

// Of an alert whose rules are joined by `all`, one that is false until a value of its own comes is enough: until it is
// true, nothing happens. It is the only one that counts then, beside a first one that has to tell where its value was
// before its channel, and those whose first value is their start.
bool watch_one(KeptAlert& kept, const std::vector<rule::RuleView>& views, Markets& markets) {
    const Terms& terms = *kept.aside.alert.terms;
    const auto has_start = [&](std::size_t i) {
        return kept.aside.alert.state.rules[i].start_price.has_value();
    };
    std::optional<std::pair<Timestamp, std::size_t>> best;
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        const Rule& rule = terms.rules[i];
        const bool is_known = !has_start(i) || (views[i].level && (!rule.upper || views[i].upper));
        const bool is_false = is_known && views[i].holds != true && kept.quiet[i] != Quiet{};
        // Where its value was within a channel, and then there was none, what it waits for is to leave it.
        const bool leaves = kept.quiet[i] == quiet_of(rule.word, Stage::holding, Place::between, {});
        if (!is_false || (rule.word == Word::inside && leaves)) continue;
        if (has_start(i) && rule::detail::has_window(rule)) continue;
        const auto from = quiet_from(kept, i, markets);
        const std::pair candidate(from.value_or(markets.last_of(terms) + Duration{1}), i);
        if (!best || candidate < *best) best = candidate;
    }
    if (!best) return false;
    kept.from = std::max(kept.from, best->first);
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        const bool tells = i == 0 && terms.rules[i].word == Word::inside;
        if (i != best->second && !tells && has_start(i)) kept.quiet[i] = {};
    }
    return true;
}

// A window moves on by itself, and is looked at again when a value of another rule comes: none can be relied on.
bool watch_all(KeptAlert& kept, const std::vector<rule::RuleView>& views, Markets& markets) {
    const auto& rules = kept.aside.alert.terms->rules;
    const bool is_idle =
        kept.aside.alert.state.rules[0].armed && !kept.aside.memory.rules[0].machine.true_since;
    if (!is_idle) return std::ranges::none_of(rules, rule::detail::has_window);
    const bool tells = rules[0].word == Word::inside;
    return !(tells && rule::detail::has_window(rules[0])) && watch_one(kept, views, markets);
}

std::vector<rule::LineGap> gaps_since(std::vector<rule::LineGap> gaps, Timestamp since) {
    std::erase_if(gaps, [&](const rule::LineGap& gap) { return gap.to <= since; });
    return gaps;
}

// Whether the line of an extreme knows what its alert's own run does, as of any time since `from`.
bool is_known(const KeptAlert& kept, std::size_t i, std::size_t which, const rule::Line& own,
              const SharedLine& line) {
    const Level& level = level_of(kept.aside.alert.terms->rules[i], which);
    const auto& states = kept.aside.alert.state.rules;
    const bool begins_later = states.empty();
    // What was before it begins counts in a window only.
    if (begins_later && level.over == Duration::zero()) return true;
    const RuleState state = begins_later ? RuleState{} : states[i];
    const Timestamp from = begins_later ? kept.aside.alert.begun_at : kept.from;
    if (!own.known_from() && !line.state().known_from) return true;
    if (!own.known_from() || !line.state().known_from) return false;
    const Timestamp known_from = std::max(*own.known_from(), *line.state().known_from);
    if (level.over == Duration::zero()) {
        // Where what is noted counts as its start, what was before is in it.
        const auto& noted = which == 0 ? state.extreme : state.upper_extreme;
        const auto& at_start = kept.aside.memory.rules[i].at_start[which];
        const bool is_noted = noted && at_start && !own.extremes(which)->is_beyond(*noted, at_start->value);
        const Timestamp begin = is_noted ? std::max(state.start, state.extreme_until) : state.start;
        return known_from <= begin && line.is_sure_since(begin) &&
               gaps_since(own.gaps(), begin) == gaps_since(line.gaps_until(Timestamp::max()), begin);
    }
    const bool is_from_start = counts_from_start(level, state, from);
    const Timestamp begin = is_from_start ? state.start : from - level.over;
    if (is_from_start ? known_from > begin : known_from >= begin) return false;
    if (!line.is_sure_since(begin)) return false;
    return gaps_since(own.gaps(), begin) == gaps_since(line.gaps_until(Timestamp::max()), begin);
}

// Of one that was given less, or more, only what nothing asks for any more differs.
bool have_equal_gaps(const std::vector<rule::LineGap>& a, const std::vector<rule::LineGap>& b,
                     const std::optional<Timestamp>& since) {
    return !since || gaps_since(a, *since) == gaps_since(b, *since);
}

// Whether the lines of many alerts know of a rule what its alert's own run does, as of any time since
// kept.from.
bool knows_as_much(const KeptAlert& kept, std::size_t i, const rule::Line& own, Markets& markets) {
    const Rule& rule = kept.aside.alert.terms->rules[i];
    const std::size_t machine = kept.aside.alert.terms->joined == Joined::all ? 0 : i;
    const auto& holds_from = kept.aside.memory.rules[machine].machine.holds_from;
    if (rule.watched == Watched::age) {
        const auto last = markets.line(rule).newest();
        if (!last) return kept.aside.alert.state.rules.empty() && !own.reached(Decimal{});
        return own.reached(Decimal{}) == last->time && own.last_price() == last->value;
    }
    if (rule.watched == Watched::close) {
        const CloseLine& close = markets.close(rule);
        const rule::Line& line = close.line();
        const auto previous =
            rule::detail::earliest(own.previous(), close.as_of(kept.from, std::nullopt).previous());
        return own.current() == line.current() && own.gone_since() == line.gone_since() &&
               own.bar_end() == line.bar_end() &&
               have_equal_gaps(own.gaps(), line.gaps(), rule::detail::earliest(previous, holds_from));
    }
    // A gap before all that it was given is known to its line only.
    const SharedLine& line = markets.line(rule);
    if (own.previous() != line.state().previous || own.gone_since() != line.state().gone_since) return false;
    if (!have_equal_gaps(own.gaps(), line.gaps_until(Timestamp::max()), holds_from)) return false;
    if (holds_from && !line.is_sure_since(*holds_from)) return false;
    for (std::size_t which = 0; which < levels_of(rule); ++which) {
        if (is_extreme(level_of(rule, which)) && !is_known(kept, i, which, own, line)) return false;
    }
    return true;
}

// From when on nothing of it has changed, and its windows have been measured as they are now.
Timestamp from_of(const Judged& judged, Timestamp now) {
    const auto& states = judged.run().state().rules;
    Timestamp from = judged.settled_from();
    for (std::size_t i = 0; i < states.size(); ++i) {
        const RuleState& state = states[i];
        from = std::max(from, state.as_of + Duration{1});
        const Rule& rule = judged.run().alert().terms->rules[i];
        for (std::size_t which = 0; which < levels_of(rule); ++which) {
            const Level& level = level_of(rule, which);
            if (!state.fired || level.over == Duration::zero()) continue;
            const Timestamp until = counts_from_start_until(level, state);
            if (until < now) from = std::max(from, until + Duration{1});
        }
    }
    return from;
}

// --- Runs

// Calls `f` while the line is taken back to what it was before everything of `time`.
template <typename F>
void as_of(SharedLine& line, Timestamp time, F&& f) {
    std::vector<Piece> later;
    line.take_back(time, later);
    f();
    for (auto piece = later.rbegin(); piece != later.rend(); ++piece) line.past().push(*piece);
}

void fill(rule::Line& out, const PutAside& aside, std::size_t i, const SharedLine& line, Timestamp time) {
    const Rule& rule = aside.alert.terms->rules[i];
    for (std::size_t which = 0; which < levels_of(rule); ++which) {
        auto& extremes = out.extremes(which);
        if (!extremes) continue;
        const Level& level = level_of(rule, which);
        const bool in_window = level.over > Duration::zero();
        if (!in_window && aside.alert.state.rules.empty()) continue;
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

// What values of its rules wake it. False: only its run can tell.
bool watch_rules(KeptAlert& kept, const rule::Run& run, Markets& markets) {
    const Terms& terms = *run.alert().terms;
    const auto views = run.rules();
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        const auto quiet = quiet_between(kept, i, views[i], markets);
        if (!quiet) return false;
        kept.quiet[i] = *quiet;
    }
    return terms.joined != Joined::all || watch_all(kept, views, markets);
}

}  // namespace

void keep_lines(const Terms& terms, std::span<const std::shared_ptr<const LinePast>> pasts,
                Markets& markets) {
    for (const Rule& rule : terms.rules) {
        SharedLine& line = markets.line(rule);
        line.keep(2 * terms.hold + std::chrono::minutes{6});
        if (rule.watched == Watched::close) markets.close(rule, pasts);
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

std::optional<KeptAlert> put_aside(const Judged& judged, Timestamp reach, Timestamp now, Markets& markets) {
    const rule::Run& run = judged.run();
    const bool begins_later = run.state().rules.empty() && run.alert().begun_at > now;
    if (!run.has_begun() && !begins_later) return std::nullopt;
    if (run.has_ended() || !run.has_all_happened() || run.is_expired(now)) return std::nullopt;
    const Terms& terms = *run.alert().terms;
    KeptAlert kept{.id = judged.alert().id,
                   .aside = {run.alert(), run.memory(), judged.unchanged_since()},
                   .from = std::max(from_of(judged, now), reach)};
    for (std::size_t i = 0; i < terms.rules.size(); ++i) {
        // What is not known may break a hold, or move it on.
        if (kept.aside.memory.rules[i].machine.blind_since) return std::nullopt;
        if (!knows_as_much(kept, i, run.line(i), markets)) return std::nullopt;
    }
    // What has not begun may have seen no time yet, and waits for that alone.
    if (!begins_later && !watch_rules(kept, run, markets)) return std::nullopt;
    const bool has_start = !begins_later && run.state().rules[0].start_price;
    const rule::Machine& machine = kept.aside.memory.rules[0].machine;
    const bool is_in_past = has_start && is_hold_in_past(run.alert(), machine, kept.from);
    if (is_in_past && machine.true_since) {
        const SharedLine& line = markets.line(terms.rules[0]);
        const auto other = last_beyond(kept.aside, line, other_side(kept.aside, line.newest()->value));
        if (other) kept.from = std::max(kept.from, *other + Duration{1});
    }
    // A late price of before the first one known makes an age that there was not.
    const auto& first = markets.line(terms.rules[0]).state().known_from;
    if (terms.rules[0].watched == Watched::age && first) kept.from = std::max(kept.from, *first);
    // What was before is judged by what is recent, and that was not all when nothing has come for long.
    const Timestamp last = markets.last_of(terms);
    const auto due = due_of(kept);
    if (kept.from > std::max(judged.settled_from(), last + Duration{1}) || (due && *due <= kept.from))
        return std::nullopt;
    // More of its moment may come, which follows what has changed then; a late price would come before it.
    if (kept.from > judged.last()) return std::nullopt;
    if (is_in_past) {
        kept.aside.hold_from = kept.from;
        kept.quiet[0] = quiet_of(terms.rules[0].word, Stage::idle, Place::between, run.state().rules[0].side);
    }
    return kept;
}

rule::Run run_of(const PutAside& aside, Markets& markets, Timestamp time) {
    const auto& rules = aside.alert.terms->rules;
    std::vector<rule::Line> lines;
    lines.reserve(rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
        lines.push_back(markets.line_as_of(rules[i], time));
        if (!has_moving_level(rules[i])) continue;
        const SharedLine& line = markets.line(rules[i]);
        as_of(markets.line(rules[i]), time, [&] { fill(lines.back(), aside, i, line, time); });
    }
    rule::Run::Memory memory = aside.memory;
    if (aside.hold_from) memory.rules[0].machine = hold_of(aside, markets, time);
    return {aside.alert, memory, std::move(lines), time - Duration{1}};
}

rule::Machine hold_of(const PutAside& aside, Markets& markets, Timestamp time) {
    SharedLine& line = markets.line(aside.alert.terms->rules[0]);
    const rule::LineState state = line.as_of(time);
    rule::Machine machine;
    as_of(line, time, [&] { machine = hold_as_of(aside, line, state, time); });
    return machine;
}

}  // namespace pricewire::alert
