#include "rule/run.hpp"

#include <algorithm>

#include "domain/bars.hpp"

namespace pricewire::rule {
namespace {

constexpr Duration minute = std::chrono::minutes{1};

const Level& level_of(const Rule& rule, std::size_t which) {
    return which == 0 ? rule.level : *rule.upper;
}
std::size_t levels_of(const Rule& rule) {
    return rule.upper ? 2 : 1;
}

bool is_extreme(const Level& level) {
    return level.from == Anchor::high || level.from == Anchor::low;
}

template <typename Predicate>
bool any_level(const Rule& rule, Predicate predicate) {
    return predicate(rule.level) || (rule.upper && predicate(*rule.upper));
}

bool is_measured_from_start(const Rule& rule) {
    return any_level(rule, [](const Level& level) { return level.from == Anchor::start; });
}

// Whether the row must tell the extreme of the time from its start to the first bar that begins after it.
bool needs_extreme(const Rule& rule, bool fired) {
    return any_level(rule, [fired](const Level& level) {
        return is_extreme(level) && (fired || level.over == Duration::zero());
    });
}

std::optional<Timestamp> earliest(std::optional<Timestamp> a, std::optional<Timestamp> b) {
    if (!a || !b) return a ? a : b;
    return std::min(*a, *b);
}

}  // namespace

Run::Run(const RuledAlert& alert) : alert_(alert) {
    const auto& rules = alert_.terms->rules;
    tracks_.reserve(rules.size());
    for (const Rule& rule : rules) tracks_.emplace_back(rule);
    machines_.resize(alert_.terms->joined == Joined::any ? rules.size() : 1);
    if (alert_.state.rules.size() != rules.size()) {
        alert_.state.rules.clear();
        return;
    }
    phase_ = Phase::resuming;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const RuleState& known = rule_state(i);
        for (std::size_t which = 0; which < levels_of(rule(i)); ++which) {
            auto& extremes = tracks_[i].line.extremes(which);
            if (!extremes || !needs_extreme(rule(i), known.fired)) continue;
            auto value = which == 0 ? known.extreme : known.upper_extreme;
            if (!value) value = known.start_price;
            if (value) extremes->add({*value, known.start}, known.start + Duration{1});
        }
    }
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
    for (const Machine& machine : machines_) since = earliest(since, machine.true_since);
    return since;
}

// --- Levels

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
    const auto found = track.line.extremes(which)->since(since);
    return found ? found : track.line.current();
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
    const auto shifted_level = shifted(from, level.by);
    if (!shifted_level) return std::nullopt;
    Bound made{*shifted_level, {}};
    if (const auto& repeat = alert_.terms->repeat) {
        const auto margin = amount_of(repeat->rearm, made.level);
        if (!margin) return std::nullopt;
        made.margin = margin->abs();
    }
    known = Track::Known{from, made};
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

// --- Judging

// What a value tells beside whether it fires: the start price, where a channel was left, which extremes are past.
void Run::see(std::size_t i, Timestamp time) {
    Track& track = tracks_[i];
    RuleState& known = rule_state(i);
    const auto& current = track.line.current();
    if (current && !known.start_price) {
        known.start_price = current->value;
        start_known_ = start_known_ || is_measured_from_start(rule(i));
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
    const bool is_crossing = rule_i.word == Word::crosses;
    if (known.fired) {
        result.calm = is_calm(rule_i.word, *value, *limits) && (is_crossing || !*result.truth);
    } else {
        result.calm = is_crossing ? side_of(*value, limits->lower.level).has_value() : !*result.truth;
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

// The side from which a rule crosses is the first one that a value is on, and then the one on which it has fired.
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
    if (turn.fires && happened_.empty()) {
        fire(machine, time, &steps);
    } else if (turn.armed || start_known_) {
        note(turn.armed, time, steps);
    }
    start_known_ = false;
}

void Run::note(bool rearmed, Timestamp time, Steps& steps) const {
    steps.push_back({time, std::nullopt, rearmed, alert_.state});
}

// --- Firing

// Unset: the firing is imposed.
void Run::fire(std::size_t machine, Timestamp time, Steps* steps) {
    AlertState& state = alert_.state;
    const auto& repeat = alert_.terms->repeat;
    Fired what = fired(machine, time);
    state.firings = what.number;
    state.muted_until.reset();
    if (repeat) state.muted_until = time + repeat->cooldown;
    ended_ = what.is_last;
    left_out_ = 0;
    start_again(machine, time);
    if (steps) steps->push_back({time, std::move(what), false, state});
}

// A firing is a new start. Relative levels are calm at once.
void Run::start_again(std::size_t machine, Timestamp time) {
    take_side(machine, time);
    for (std::size_t i = first_of(machine); i < end_of(machine); ++i) {
        RuleState& known = rule_state(i);
        const auto& current = tracks_[i].line.current();
        known.armed = false;
        known.fired = true;
        known.start = known.as_of = time;
        known.start_price.reset();
        if (current) known.start_price = current->value;
        known.extreme.reset();
        known.upper_extreme.reset();
        known.extreme_until = time;
        tracks_[i].note_at.reset();
        if (needs_extreme(rule(i), true) && !ended_) tracks_[i].note_at = next_interval_start(time, minute);
    }
    machines_[machine] = Machine{.judged_at = time};
    if (ended_) return;
    const Judgement after = judged(machine, time);
    step(machines_[machine], rule_state(first_of(machine)).armed, after, time, alert_.terms->hold,
         muted_until(), left_out_);
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
    for (std::size_t m = 0; m < machines_.size(); ++m)
        consider_judging(timer(machines_[m], alert_.terms->hold, muted_until()), DueKind::machine, m);
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const Track& track = tracks_[i];
        consider_judging(track.note_at, DueKind::note, i);
        if (rule(i).watched != Watched::age) continue;
        const auto limit = bound(i, 0, now_);
        const auto reached = limit ? track.line.reached(limit->level) : std::nullopt;
        if (reached && *reached > machines_[machine_of(i)].judged_at)
            consider_judging(reached, DueKind::age, i);
    }
    return next;
}

std::optional<Timestamp> Run::next_time() const {
    if (ended_) return std::nullopt;
    if (phase_ == Phase::resuming) return resumes_at();
    const auto due = next_due();
    auto next = due ? std::optional(due->time) : std::nullopt;
    if (!happened_.empty()) next = earliest(next, happened_.back().time);
    return next;
}

void Run::advance(Timestamp time, Steps& steps) {
    while (!ended_) {
        const auto due = next_due();
        if (!due || due->time > time) break;
        happen(due->time - Duration{1}, steps);
        if (ended_) return;
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
    happen(time - Duration{1}, steps);
    now_ = std::max(now_, time);
}

void Run::settle(Timestamp time) {
    for (std::size_t i = 0; i < tracks_.size(); ++i) tracks_[i].line.settle(rule(i), time);
}

void Run::begin(Timestamp time, Steps& steps) {
    phase_ = Phase::running;
    auto& rules = alert_.state.rules;
    rules.resize(tracks_.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
        rules[i].armed = is_state(rule(i).word);
        rules[i].start = rules[i].as_of = time;
        if (needs_extreme(rule(i), false)) tracks_[i].note_at = next_interval_start(time, minute);
    }
    for (std::size_t m = 0; m < machines_.size(); ++m) judge(m, time, steps);
}

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
                machine.blind_since = earliest(machine.blind_since, track.line.gone_since());
        }
        if (!holds) machine = {};
        machine.holds_from = machine.true_since;
        machine.judged_at = time;
    }
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const RuleState& known = rule_state(i);
        const Timestamp first_bar = next_interval_start(known.start, minute);
        if (needs_extreme(rule(i), known.fired) && known.extreme_until < first_bar && first_bar > time)
            tracks_[i].note_at = first_bar;
    }
    if (past_rearmed_) note(true, time, steps);
    for (std::size_t m = 0; m < machines_.size(); ++m) judge(m, time, steps);
}

void Run::note_extremes(std::size_t i, Timestamp time, Steps& steps) {
    RuleState& known = rule_state(i);
    tracks_[i].note_at.reset();
    const auto& current = tracks_[i].line.current();
    for (std::size_t which = 0; which < levels_of(rule(i)); ++which) {
        const auto& extremes = tracks_[i].line.extremes(which);
        if (!extremes) continue;
        auto extreme = extremes->since(known.start);
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
    if (phase_ == Phase::resuming && time >= resumes_at()) resume(time, steps);
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
    if (phase_ == Phase::resuming && time >= resumes_at()) resume(time, steps);
    happen(time, steps);
}

void Run::amend(const RuledAlert& row, Timestamp time, Steps& steps) {
    alert_.terms = row.terms;
    alert_.notify_on_expiry = row.notify_on_expiry;
    alert_.state.snoozed_until = row.state.snoozed_until;
    alert_.state.expires_at = row.state.expires_at;
    for (Track& track : tracks_) track.known[0] = track.known[1] = {};
    const auto& repeat = alert_.terms->repeat;
    ended_ = ended_ || (repeat && repeat->times && alert_.state.firings >= *repeat->times);
    if (phase_ != Phase::running) return;
    for (std::size_t m = 0; m < machines_.size(); ++m) {
        if (machines_[m].waits) judge(m, time, steps);
    }
}

void Run::impose(std::span<const Fired> happened) {
    happened_.assign(happened.rbegin(), happened.rend());
}

void Run::happen(Timestamp until, Steps& steps) {
    while (!happened_.empty() && happened_.back().time <= until && phase_ == Phase::running && !ended_) {
        const Fired fired = std::move(happened_.back());
        happened_.pop_back();
        now_ = std::max(now_, fired.time);
        const std::size_t machine = machine_of(fired.rule);
        fire(machine, fired.time, nullptr);
        for (std::size_t i = first_of(machine); i < end_of(machine); ++i)
            rule_state(i).start_price = fired.rules[i].value;
        // Others of `any` may have waited for it.
        for (std::size_t m = 0; m < machines_.size(); ++m) {
            if (m != machine && !ended_) judge(m, fired.time, steps);
        }
    }
}

// --- History

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
    const auto need = [&from](Timestamp time) { from = earliest(from, time); };
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
