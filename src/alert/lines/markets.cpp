#include "alert/lines/markets.hpp"

#include <algorithm>
#include <utility>

#include "rule/detail/rule_levels.hpp"
#include "rule/levels.hpp"

namespace pricewire::alert {

using rule::detail::earliest;

namespace {

std::optional<Decimal> value_of(const std::optional<rule::Point>& point) {
    return point ? std::optional(point->value) : std::nullopt;
}

template <typename Entries>
auto first_since(const Entries& entries, Timestamp time) {
    return std::ranges::lower_bound(entries, time, {}, &RecentPrices::Entry::time);
}

// Whether the line had no price from `time` on because of what is recent, before the last that came of that moment.
bool is_end_recent(const RecentPrices::Entries& entries, Timestamp time) {
    bool is_gone = false;
    for (auto entry = first_since(entries, time); entry != entries.end(); ++entry) {
        const auto next = std::next(entry);
        if (next == entries.end() || next->time != time) break;
        is_gone = is_gone || entry->is_gone;
    }
    return is_gone;
}

}  // namespace

std::optional<Timestamp> Market::next_due() const {
    std::optional<Timestamp> next;
    if (const auto last = line.newest(); last && !ages.empty()) next = last->time + rule::age_of(ages.best());
    for (const auto& close : closes) next = earliest(next, close->line().bar_end());
    if (waits.size() > 0) next = earliest(next, std::optional(waits.next()));
    return next;
}

// --- Which there are

Market* Markets::find(const Ticker& ticker) {
    const auto found = markets_.find(ticker);
    return found == markets_.end() ? nullptr : found->second.get();
}

Market& Markets::market(Ticker ticker) {
    auto& market = markets_[ticker];
    if (!market) {
        market = std::make_unique<Market>(ticker);
        begin_blind(market->line, ticker);
        redo(*market, Timestamp::min(), {});
        const auto& entries = recent_.of(ticker);
        if (!entries.empty()) market->newest = entries.back().price(ticker);
    }
    return *market;
}

SharedLine& Markets::line(const Rule& rule) {
    return rule.watched == Watched::ratio ? ratio(rule).line : market(rule.ticker).line;
}

RatioLine& Markets::ratio(const Rule& rule) {
    auto& ratio = ratios_[{rule.ticker, rule.other}];
    if (ratio) return *ratio;
    ratio = std::make_unique<RatioLine>(RatioLine{rule.ticker, rule.other});
    RatioLine& made = *ratio;
    if (rule.other != rule.ticker) market(rule.ticker).ratios.push_back({&made, false});
    market(rule.other).ratios.push_back({&made, true});
    for (const Ticker& ticker : {rule.ticker, rule.other}) begin_blind(made.line, ticker);
    redo(made, Timestamp::min(), {});
    return made;
}

void Markets::begin_blind(SharedLine& line, const Ticker& ticker) const {
    if (const auto since = recent_.blind_before(ticker)) line.begin_blind(*since);
}

void Markets::begin_blind() {
    for (auto& [ticker, market] : markets_) begin_blind(market->line, ticker);
    for (auto& [tickers, ratio] : ratios_) {
        begin_blind(ratio->line, tickers.first);
        begin_blind(ratio->line, tickers.second);
    }
}

void Markets::use_ratios(const Terms& terms) {
    for (const Rule& rule : terms.rules) {
        if (rule.watched == Watched::ratio) ++ratio(rule).users;
    }
}

void Markets::release_ratios(const Terms& terms) {
    for (const Rule& rule : terms.rules) {
        if (rule.watched == Watched::ratio) --ratio(rule).users;
    }
}

void Markets::drop_ratios(const std::function<bool(const RatioLine&)>& is_watched) {
    absl::erase_if(ratios_, [&](const auto& pair_and_ratio) {
        const auto& ratio = pair_and_ratio.second;
        if (ratio->users > 0 || is_watched(*ratio)) return false;
        for (const Ticker& ticker : {ratio->ticker, ratio->other}) {
            std::erase_if(market(ticker).ratios,
                          [&](const Market::InRatio& in) { return in.ratio == ratio.get(); });
        }
        return true;
    });
}

CloseLine& Markets::close(const Rule& rule, std::span<const std::shared_ptr<const LinePast>> pasts) {
    Market& of = market(rule.ticker);
    for (const auto& close : of.closes) {
        if (close->interval() == rule.interval) return *close;
    }
    const auto& entries = recent_.of(rule.ticker);
    std::vector<Stretch> stretches;
    for (const auto& past : pasts) {
        if (past->ticker != rule.ticker) continue;
        for (Stretch stretch : past->stretches) {
            if (!entries.empty()) stretch.to = std::min(stretch.to, entries.front().time);
            if (stretch.from < stretch.to) stretches.push_back(stretch);
        }
    }
    CloseLine& made = *of.closes.emplace_back(std::make_unique<CloseLine>(rule, stretches));
    redo(of, made, Timestamp::min(), slots_);
    schedule(of);
    return made;
}

Timestamp Markets::last_of(const Terms& terms) {
    Timestamp last{};
    for (const Ticker& ticker : tickers_of(terms)) last = std::max(last, market(ticker).line.last());
    return last;
}

void Markets::take_past(const LinePast& past) {
    SharedLine& of = market(past.ticker).line;
    const auto known = of.state().known_from;
    if (known && *known <= past.from) return;
    const auto& entries = recent_.of(past.ticker);
    std::vector<Piece> pieces;
    std::vector<rule::LineGap> gaps;
    for (Stretch stretch : past.stretches) {
        if (!entries.empty()) stretch.to = std::min(stretch.to, entries.front().time);
        if (known) stretch.to = std::min(stretch.to, *known);
        if (stretch.from >= stretch.to) continue;
        if (!pieces.empty() && pieces.back().until < stretch.from)
            gaps.push_back({pieces.back().until, stretch.from});
        if (stretch.low < stretch.high && !stretch.goes_on) {
            // Where within the stretch its extremes were is not known: they count from its beginning.
            for (const Decimal extreme : {stretch.high, stretch.low})
                pieces.push_back({extreme, stretch.from, stretch.from + Duration{1}});
        }
        pieces.push_back({stretch.last, stretch.from, stretch.to});
    }
    of.take_past(pieces, gaps);
}

// --- Values

void Markets::set(Market& market, Timestamp time, const Price* price, Woken& woken) {
    slots_.clear();
    const auto value = price != nullptr ? std::optional(price->value) : std::nullopt;
    bool is_due = false;
    if (price == nullptr || !market.line.pass(price->value, time)) {
        market.line.set(value, time);
        market.line.take_woken(time, slots_);
    }
    for (const auto& [ratio, is_other] : market.ratios) {
        if (time < ratio->last) {
            redo_touched(*ratio, time, slots_);
            continue;
        }
        const auto now = ratio_at(*ratio, is_other, time, price != nullptr ? &price->value : nullptr);
        if (now && ratio->line.pass(*now, time)) continue;
        if (now || ratio->line.state().current) ratio->line.set(now, time);
        ratio->line.take_woken(time, slots_);
    }
    for (auto& close : market.closes) {
        if (time < until_) {
            redo(market, *close, time, slots_);
            is_due = true;
        } else if (price == nullptr || !close->pass(price->value)) {
            is_due = close->set(value, time) || is_due;
        }
    }
    market.before = market.newest;
    if (price != nullptr) {
        market.newest = *price;
    } else {
        market.newest.reset();
    }
    if (is_due) schedule(market);
    take_slots(time, woken);
}

void Markets::set_late(Market& market, Timestamp time, Woken& woken) {
    slots_.clear();
    take_touched(market.line, time, slots_, [&](const Seen& seen) { redo(market, time, seen); });
    for (const auto& in : market.ratios) redo_touched(*in.ratio, time, slots_);
    for (auto& close : market.closes) redo(market, *close, time, slots_);
    schedule(market);
    take_slots(time, woken);
}

// As of before everything of `time`.
std::optional<Decimal> Markets::ratio_price(const RatioLine& ratio, bool of_other, Timestamp time) {
    if ((of_other ? ratio.other_from : ratio.from) >= time) return std::nullopt;
    return value_of(market(of_other ? ratio.other : ratio.ticker).line.as_of(time).current);
}

// Another price of one of its tickers, or its end (null); returns the ratio by it.
std::optional<Decimal> Markets::ratio_at(RatioLine& ratio, bool is_other, Timestamp time,
                                         const Decimal* price) {
    if (is_other) ratio.to_other = rule::RatioTo(price != nullptr ? *price : Decimal{});
    auto& known = is_other ? ratio.other_price : ratio.price;
    if (price != nullptr) {
        known = *price;
    } else {
        known.reset();
    }
    Timestamp& from = is_other ? ratio.other_from : ratio.from;
    from = std::min(from, time);
    ratio.last = time;
    return ratio.price && ratio.other_price ? ratio.to_other.of(*ratio.price) : std::nullopt;
}

void Markets::set_ratio(RatioLine& ratio, bool is_other, Timestamp time, const Decimal* price) {
    const auto value = ratio_at(ratio, is_other, time, price);
    if (value || ratio.line.state().current) ratio.line.set(value, time);
}

void Markets::take_slots(Timestamp time, Woken& woken) {
    for (const Slot slot : slots_) woken.emplace_back(slot, time);
}

// Makes the line again, and takes those whom its values since may wake.
template <typename Redo>
void Markets::take_touched(SharedLine& line, Timestamp time, std::vector<Slot>& out, Redo redo) {
    const auto before = value_of(line.as_of(time).current);
    Decimal low = greatest_decimal, high = least_decimal;
    redo([&](Timestamp at) {
        line.take_woken(at, out);
        if (!line.state().current) return;
        low = std::min(low, line.state().current->value);
        high = std::max(high, line.state().current->value);
    });
    if (low <= high) line.take_woken_late(before, low, high, out);
}

// A late price of one of its tickers takes back ratios that there were.
void Markets::redo_touched(RatioLine& ratio, Timestamp time, std::vector<Slot>& out) {
    ratio.line.take_anchored_since(time, out);
    take_touched(ratio.line, time, out, [&](const Seen& seen) { redo(ratio, time, seen); });
}

void Markets::redo(Market& market, Timestamp time, const Seen& seen) {
    const auto& entries = recent_.of(market.ticker);
    // Right where the past ended that the line was given, what has come closes its gap. An alert that was given more knows
    // what came first of that moment, and its gaps would not differ any more.
    if (market.line.has_gap_from(time) && !is_end_recent(entries, time)) market.line.doubt(time);
    market.line.rewind(time);
    for (auto entry = first_since(entries, time); entry != entries.end(); ++entry) {
        market.line.set(entry->value(), entry->time);
        if (seen) seen(entry->time);
    }
}

void Markets::redo(RatioLine& ratio, Timestamp time, const Seen& seen) {
    ratio.line.rewind(time);
    ratio.price = ratio_price(ratio, false, time);
    ratio.other_price = ratio_price(ratio, true, time);
    ratio.to_other = rule::RatioTo(ratio.other_price.value_or(Decimal{}));
    const Ticker a = std::min(ratio.ticker, ratio.other), b = std::max(ratio.ticker, ratio.other);
    const auto &of_a = recent_.of(a), &of_b = recent_.of(b);
    auto in_a = first_since(of_a, time), in_b = first_since(of_b, time);
    while (in_a != of_a.end() || in_b != of_b.end()) {
        const bool is_a =
            in_b == of_b.end() || (in_a != of_a.end() && !RecentPrices::is_before(*in_b, *in_a));
        const RecentPrices::Entry& entry = is_a ? *in_a++ : *in_b++;
        set_ratio(ratio, (is_a ? a : b) == ratio.other, entry.time, entry.is_gone ? nullptr : &entry.number);
        if (seen) seen(entry.time);
    }
}

void Markets::redo(const Market& market, CloseLine& close, Timestamp time, std::vector<Slot>& out) {
    if (time != Timestamp::min()) close.rewind(time, value_of(market.line.as_of(time).current));
    const auto take = [&](Timestamp) { close.take_woken(out); };
    const auto& entries = recent_.of(market.ticker);
    for (auto entry = first_since(entries, time); entry != entries.end(); ++entry) {
        close.end_bars(entry->time, take);
        close.set(entry->value(), entry->time);
    }
    close.end_bars(until_, take);
}

rule::Line Markets::line_as_of(const Rule& rule, Timestamp time) {
    const SharedLine& of = line(rule);
    rule::LineState state;
    switch (rule.watched) {
        case Watched::close:
            return close(rule).as_of(time, value_of(of.as_of(time).current));
        case Watched::age:
            if (const auto last = of.last_before(time)) {
                state.price = last->value;
                state.priced_at = last->time;
            }
            return {rule, state, {}};
        case Watched::ratio:
            state = of.as_of(time);
            state.price = ratio_price(ratio(rule), false, time);
            state.other = ratio_price(ratio(rule), true, time);
            return {rule, state, of.gaps_until(time)};
        case Watched::price:
            break;
    }
    return {rule, of.as_of(time), of.gaps_until(time)};
}

// --- Time

void Markets::end_waits(Market& market, Timestamp until, Woken& woken) {
    due_.erase({*market.due, &market});
    market.due.reset();
    // As of right before, since what fires then may have to be imposed on what comes after it.
    if (const auto last = market.line.newest()) {
        while (!market.ages.empty() && last->time + rule::age_of(market.ages.best()) <= until) {
            const Decimal age = market.ages.best();
            slots_.clear();
            market.ages.take([&](Decimal other) { return other == age; }, slots_);
            take_slots(last->time + rule::age_of(age) - Duration{1}, woken);
        }
    }
    while (market.waits.next() <= until) {
        const Timestamp at = market.waits.next() - Duration{1};
        woken.emplace_back(market.waits.take(), at);
    }
    for (auto& close : market.closes) {
        close->end_bars(until, [&](Timestamp at) {
            slots_.clear();
            close->take_woken(slots_);
            take_slots(at - Duration{1}, woken);
        });
    }
}

void Markets::end_due(Market& market, Timestamp until, Woken& woken) {
    if (!market.due || *market.due > until) return;
    end_waits(market, until, woken);
    schedule(market);
}

void Markets::pass(Timestamp until, Woken& woken) {
    until_ = until;
    while (!due_.empty() && due_.begin()->first <= until) end_due(*due_.begin()->second, until, woken);
}

std::optional<Timestamp> Markets::next_time() const {
    return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

void Markets::schedule(Market& market) {
    const auto next = market.next_due();
    if (!next || (market.due && *market.due <= *next)) return;
    if (market.due) due_.erase({*market.due, &market});
    market.due = next;
    due_.emplace(*next, &market);
}

}  // namespace pricewire::alert
