#include "alert/lines/places.hpp"

#include <algorithm>
#include <utility>

#include "rule/detail/rule_levels.hpp"

namespace pricewire::alert {

using rule::detail::is_extreme;
using rule::detail::keeps_true;
using rule::detail::level_of;

namespace {

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
void put(OrderedSlots<side>& book, Decimal at, Slot slot, bool is_wait) {
    if (is_wait) {
        book.insert(at, slot);
    } else {
        book.erase(at, slot);
    }
}

template <Side side>
void wait_or_leave(const KeptAlert& kept, std::size_t i, const QuietEnd& end, Slot slot, Markets& markets,
                   bool is_wait) {
    if (end.bound == QuietEnd::Bound::none) return;
    const Terms& terms = *kept.aside.alert.terms;
    const Rule& rule = terms.rules[i];
    const RuleState& state = kept.aside.alert.state.rules[i];
    const std::size_t which = end.bound == QuietEnd::Bound::upper ? 1 : 0;
    const Level& level = level_of(rule, which);
    if (rule.watched == Watched::age && end.bound != QuietEnd::Bound::any) {
        Market& market = markets.market(rule.ticker);
        put(market.ages, fixed_bound(terms, level, state)->level, slot, is_wait);
        return markets.schedule(market);
    }
    if (!is_extreme(level) || end.bound == QuietEnd::Bound::any) {
        const auto at = fixed_end<side>(terms, rule, state, end);
        if (!at) return;
        if (rule.watched == Watched::close) return put(markets.close(rule).book<side>(), *at, slot, is_wait);
        SharedLine& line = markets.line(rule);
        if (is_wait) {
            line.wait_at<side>(*at, slot);
        } else {
            line.leave<side>(*at, slot);
        }
        return;
    }
    SharedLine& line = markets.line(rule);
    const Side extreme = level.from == Anchor::high ? Side::above : Side::below;
    const Shift shift = shift_of<side>(level, end, terms.repeat);
    if (level.over > Duration::zero() && !end.from_start) {
        const WindowKind kind{level.over, extreme, keeps_true(rule, which), !level.by};
        if (is_wait) {
            line.wait_in_window<side>(kind, shift, slot);
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

// Of a rule that holds: for the end of its value.
void wait_for_end_or_leave(const KeptAlert& kept, std::size_t i, Slot slot, Markets& markets, bool is_wait) {
    const Terms& terms = *kept.aside.alert.terms;
    const std::size_t machine = terms.joined == Joined::all ? 0 : i;
    if (kept.aside.hold_from || !kept.aside.memory.rules[machine].machine.true_since) return;
    const Rule& rule = terms.rules[i];
    const auto put_end = [&](auto& line) { is_wait ? line.wait_for_end(slot) : line.leave_end(slot); };
    if (rule.watched == Watched::close) {
        put_end(markets.close(rule));
    } else {
        put_end(markets.line(rule));
    }
}

void wait_or_leave(const KeptAlert& kept, Slot slot, Markets& markets, bool is_wait) {
    if (const auto due = due_of(kept)) {
        const auto& put_time = is_wait ? wait_until : leave_until;
        put_time(*kept.aside.alert.terms, *due, slot, markets);
    }
    for (std::size_t i = 0; i < kept.aside.alert.terms->rules.size(); ++i) {
        const Quiet& quiet = kept.quiet[i];
        wait_for_end_or_leave(kept, i, slot, markets, is_wait);
        wait_or_leave<Side::below>(kept, i, quiet.down, slot, markets, is_wait);
        wait_or_leave<Side::above>(kept, i, quiet.up, slot, markets, is_wait);
        if (quiet.above_upper)
            wait_or_leave<Side::above>(kept, i, {.bound = QuietEnd::Bound::upper}, slot, markets, is_wait);
    }
}

void wait_or_leave_on(Side side, const KeptAlert& kept, Slot slot, Markets& markets, bool is_wait) {
    if (side == Side::above) {
        wait_or_leave<Side::above>(kept, 0, kept.quiet[0].up, slot, markets, is_wait);
    } else {
        wait_or_leave<Side::below>(kept, 0, kept.quiet[0].down, slot, markets, is_wait);
    }
}

}  // namespace

bool has_moving_level(const Rule& rule) {
    return rule::detail::any_level(rule, is_extreme);
}

std::optional<rule::Bound> fixed_bound(const Terms& terms, const Level& level, const RuleState& state) {
    std::optional<Decimal> from = level.number;
    if (level.from == Anchor::start) from = state.start_price;
    if (!from) return std::nullopt;
    return rule::bound_at(*from, level.by, terms.repeat);
}

std::optional<Timestamp> due_of(const KeptAlert& kept) {
    const RuledAlert& alert = kept.aside.alert;
    if (alert.state.rules.empty()) return alert.begun_at;
    std::optional<Timestamp> due;
    const auto consider = [&](const std::optional<Timestamp>& at) {
        const bool is_over = at && alert.state.expires_at && *alert.state.expires_at <= *at;
        if (!is_over) due = rule::detail::earliest(due, at);
    };
    for (std::size_t i = 0; i < alert.terms->rules.size(); ++i) {
        const auto& memory = kept.aside.memory.rules[i];
        if (!kept.aside.hold_from) consider(rule::timer(memory.machine, alert.terms->hold));
        consider(memory.note_at);
        for (const QuietEnd& end : {kept.quiet[i].down, kept.quiet[i].up}) {
            if (!end.from_start) continue;
            const Level& level = level_of(alert.terms->rules[i], end.bound == QuietEnd::Bound::upper ? 1 : 0);
            consider(counts_from_start_until(level, alert.state.rules[i]) + Duration{1});
        }
    }
    return due;
}

void wait_until(const Terms& terms, Timestamp at, Slot slot, Markets& markets) {
    // A price of any of its tickers tells that the time has come.
    for (const Ticker& ticker : tickers_of(terms)) {
        Market& market = markets.market(ticker);
        market.waits.insert(at, slot);
        markets.schedule(market);
    }
}

void leave_until(const Terms& terms, Timestamp at, Slot slot, Markets& markets) {
    for (const Ticker& ticker : tickers_of(terms)) markets.market(ticker).waits.erase(at, slot);
}

void wait(const KeptAlert& kept, Slot slot, Markets& markets) {
    wait_or_leave(kept, slot, markets, true);
}

void leave(const KeptAlert& kept, Slot slot, Markets& markets) {
    wait_or_leave(kept, slot, markets, false);
}

void wait_on(Side side, const KeptAlert& kept, Slot slot, Markets& markets) {
    wait_or_leave_on(side, kept, slot, markets, true);
}

void leave_on(Side side, const KeptAlert& kept, Slot slot, Markets& markets) {
    wait_or_leave_on(side, kept, slot, markets, false);
}

}  // namespace pricewire::alert
