#include <algorithm>

#include "rule/detail/rule_levels.hpp"
#include "rule/run.hpp"

// A Run's levels, and what its firings say about them.
namespace pricewire::rule {

using detail::level_of;
using detail::levels_of;

std::optional<Point> Run::anchor(std::size_t i, std::size_t which, Timestamp time) const {
    const Level& level = level_of(rule(i), which);
    const Track& track = tracks_[i];
    const RuleState* known = alert_.state.rules.empty() ? nullptr : &rule_state(i);
    if (level.from == Anchor::start) {
        if (!known || !known->start_price) return track.line.current();
        return Point{*known->start_price, known->start};
    }
    Timestamp since = known ? known->start : time;
    if (level.over > Duration::zero()) {
        const Timestamp begin = time - level.over;
        const auto known_from = track.line.known_from();
        // A new high is one only if the whole window is known.
        if (!level.by && (!known_from || *known_from > begin)) return std::nullopt;
        since = known && known->fired ? std::max(begin, known->start) : begin;
    }
    const auto found = extreme_since(i, which, since);
    return found ? found : track.line.current();
}

// Of the values before the current one.
std::optional<Point> Run::extreme_since(std::size_t i, std::size_t which, Timestamp since) const {
    const Track& track = tracks_[i];
    const auto& extremes = *track.line.extremes(which);
    const auto found = extremes.since(since);
    const auto& at_start = track.at_start[which];
    const bool counts_from_start = level_of(rule(i), which).over == Duration::zero() ||
                                   (!alert_.state.rules.empty() && rule_state(i).fired);
    const bool counts = at_start && counts_from_start && since == rule_state(i).start;
    if (!counts || (found && extremes.is_beyond(found->value, at_start->value))) return found;
    return at_start;
}

std::optional<Bound> Run::bound(std::size_t i, std::size_t which, Timestamp time) const {
    const Level& level = level_of(rule(i), which);
    auto& known = tracks_[i].known[which];
    Decimal from = level.number;
    if (level.from != Anchor::number) {
        const auto point = anchor(i, which, time);
        if (!point) return std::nullopt;
        from = point->value;
    }
    if (known && known->anchor == from) return known->bound;
    const auto made = bound_at(from, level.by, alert_.terms->repeat);
    if (made) known = Track::Known{from, *made};
    return made;
}

std::optional<Bounds> Run::bounds(std::size_t i, Timestamp time) const {
    const auto lower = bound(i, 0, time);
    if (!lower) return std::nullopt;
    if (!rule(i).upper) return Bounds{*lower, *lower};
    const auto upper = bound(i, 1, time);
    if (!upper) return std::nullopt;
    return Bounds{*lower, *upper};
}

Fired Run::fired(std::size_t machine, Timestamp time) const {
    const auto& repeat = alert_.terms->repeat;
    const std::size_t i = first_of(machine);
    Fired what;
    what.rule = i;
    what.number = alert_.state.firings + 1;
    what.time = time;
    for (std::size_t k = 0; k < tracks_.size(); ++k) what.rules.push_back(view(k, time));
    what.value = what.rules[i].value.value_or(Decimal{});
    const auto [level, side] = passed(i, what.rules[i]);
    what.level = level;
    what.condition = side == Side::above ? Condition::gt : Condition::lt;
    if (alert_.terms->hold > Duration::zero()) what.held_since = machines_[machine].true_since;
    what.left_out = left_out_;
    what.is_last = !repeat || (repeat->times && what.number >= *repeat->times);
    if (rule(i).watched == Watched::age) what.last_price = tracks_[i].line.last_price();
    what.blind = blind(machine, time);
    return what;
}

// The level that was passed, and on which side of it the value is. Into a channel it came through the bound beyond which it
// was before; where that is not known, through the nearer one.
std::pair<Decimal, Side> Run::passed(std::size_t i, const RuleView& seen) const {
    const Decimal value = seen.value.value_or(Decimal{}), level = seen.level.value_or(Decimal{});
    if (!seen.upper) {
        if (rule(i).watched == Watched::age) return {level, Side::above};
        return {level, value < level ? Side::below : Side::above};
    }
    if (value > *seen.upper) return {*seen.upper, Side::above};
    if (value < level) return {level, Side::below};
    const auto from = tracks_[i].outside;
    const bool is_upper = from ? *from == Side::above : *seen.upper - value < value - level;
    return is_upper ? std::pair{*seen.upper, Side::below} : std::pair{level, Side::above};
}

RuleView Run::view(std::size_t i, Timestamp time) const {
    const Rule& rule_i = rule(i);
    RuleView seen;
    seen.value = tracks_[i].line.value(rule_i, time);
    for (std::size_t which = 0; which < levels_of(rule_i); ++which) {
        const auto limit = bound(i, which, time);
        if (!limit) continue;
        (which == 0 ? seen.level : seen.upper) = limit->level;
        if (level_of(rule_i, which).from == Anchor::number) continue;
        (which == 0 ? seen.anchor : seen.upper_anchor) = anchor(i, which, time);
    }
    const auto limits = bounds(i, time);
    if (!seen.value || !limits) return seen;
    const auto side = alert_.state.rules.empty() ? std::nullopt : rule_state(i).side;
    seen.holds = rule_i.watched == Watched::age ? *seen.value >= limits->lower.level
                                                : holds(rule_i.word, *seen.value, *limits, side);
    return seen;
}

std::vector<RuleView> Run::rules() const {
    std::vector<RuleView> all;
    for (std::size_t i = 0; i < tracks_.size(); ++i) all.push_back(view(i, now_));
    return all;
}

// What was looked at: a window, a hold, the time since the value before.
std::vector<LineGap> Run::blind(std::size_t machine, Timestamp time) const {
    std::vector<LineGap> found;
    for (std::size_t i = first_of(machine); i < end_of(machine); ++i) {
        const Line& line = tracks_[i].line;
        Timestamp from = line.previous().value_or(time);
        // Nothing is known of the value before a start.
        const auto& current = line.current();
        const auto& gaps = line.gaps();
        const bool has_begun_blind = !line.previous() && current && !gaps.empty();
        if (has_begun_blind && gaps.back().to == current->time) from = gaps.back().from;
        if (const auto held = machines_[machine].holds_from) from = std::min(from, *held);
        for (std::size_t which = 0; which < levels_of(rule(i)); ++which) {
            const Duration over = level_of(rule(i), which).over;
            if (over == Duration::zero()) continue;
            const Timestamp begin = time - over;
            from = std::min(from, rule_state(i).fired ? std::max(begin, rule_state(i).start) : begin);
        }
        for (const LineGap& gap : line.gaps()) {
            if (gap.to > from && std::find(found.begin(), found.end(), gap) == found.end())
                found.push_back({std::max(gap.from, from), gap.to});
        }
    }
    std::sort(found.begin(), found.end(), [](const LineGap& a, const LineGap& b) { return a.from < b.from; });
    return found;
}

}  // namespace pricewire::rule
