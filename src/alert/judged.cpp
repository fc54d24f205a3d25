#include "alert/judged.hpp"

#include <absl/hash/hash.h>

#include <algorithm>
#include <iterator>

#include "alert/firing_of.hpp"

// A late price
//
// Copies of a run are kept, one for every half a minute that RecentPrices reaches back. A late price is judged by the last
// copy from before it, together with all prices that followed; firings that have happened are imposed on it.

namespace pricewire::alert {
namespace {

constexpr Duration base_every = std::chrono::seconds{30};

// Of what an alert knows beside its lines.
std::uint64_t mark_of(const rule::Run& run) {
    const auto count = [](const std::optional<Timestamp>& time) {
        return time ? time->time_since_epoch().count() : -1;
    };
    const auto raw = [](const std::optional<Decimal>& value) { return value ? value->raw() : -1; };
    const AlertState& state = run.state();
    const rule::Run::Memory memory = run.memory();
    std::size_t mark = absl::HashOf(state.firings, state.rules.size(), memory.left_out, run.has_ended(),
                                    count(state.muted_until));
    for (std::size_t i = 0; i < state.rules.size(); ++i) {
        const RuleState& rule = state.rules[i];
        const rule::Run::Memory::OfRule& of = memory.rules[i];
        mark = absl::HashOf(mark, rule.armed, rule.fired, rule.side, count(rule.start), raw(rule.start_price),
                            count(rule.as_of), raw(rule.extreme), raw(rule.upper_extreme),
                            count(rule.extreme_until), of.outside, count(of.note_at),
                            count(of.machine.true_since), count(of.machine.holds_from),
                            count(of.machine.blind_since), count(of.machine.waits_until));
    }
    return mark;
}

std::vector<Ticker> sorted_tickers_of(const ActiveAlert& alert) {
    std::vector<Ticker> tickers = tickers_of(*alert.ruled->terms);
    std::ranges::sort(tickers);
    return tickers;
}

}  // namespace

Judged::Judged(const ActiveAlert& alert, const RecentPrices& recent)
    : alert_(alert), recent_(recent), tickers_(sorted_tickers_of(alert)), run_(*alert.ruled) {}

Judged::Judged(const ActiveAlert& alert, const RecentPrices& recent, PutAside before, Timestamp until,
               const RunOf& run_of)
    : Judged(alert, recent) {
    before_until_ = until;
    before_ = std::make_unique<PutAside>(std::move(before));
    run_of_ = &run_of;
    bases_.push_back({Timestamp{}, std::nullopt, 0, before_->since});
}

std::vector<RuleStep> Judged::begin(std::span<const std::shared_ptr<const LinePast>> pasts) {
    for (const auto& past : pasts) {
        const auto& entries = recent_.of(past->ticker);
        for (Stretch stretch : past->stretches) {
            if (!entries.empty()) stretch.to = std::min(stretch.to, entries.front().time);
            if (stretch.from < stretch.to) run_.history(past->ticker, stretch);
        }
    }
    bases_.push_back({Timestamp{}, run_, mark_of(run_), Timestamp::min()});
    return replay(Timestamp{});
}

std::vector<RuleStep> Judged::value(Ticker ticker, Timestamp time, const std::optional<Price>& price) {
    if (time < last_ && time >= bases_.front().from) return replay(time);
    std::vector<RuleStep> out;
    give(ticker, std::max(time, last_), price, out);
    return out;
}

std::vector<RuleStep> Judged::time(Timestamp until) {
    std::vector<RuleStep> out;
    timed_until_ = std::max(timed_until_, until);
    pass(until, out);
    return out;
}

// The time as of which it is then.
Timestamp Judged::restore(Timestamp time) {
    while (bases_.size() > 1 && bases_.back().from > time) bases_.pop_back();
    Base& base = bases_.back();
    unchanged_since_ = base.unchanged_since;
    if (base.run) {
        run_ = *base.run;
        mark_ = base.mark;
        return base.from;
    }
    before_until_ = std::min(before_until_, time);
    run_ = (*run_of_)(*before_, before_until_);
    mark_ = mark_of(run_);
    return before_until_;
}

std::vector<RuleStep> Judged::replay(Timestamp time) {
    const Timestamp from = restore(time);
    last_ = from;
    shown_.clear();
    std::vector<rule::Fired> happened;
    std::ranges::copy_if(fired_, std::back_inserter(happened),
                         [&](const rule::Fired& f) { return f.time >= from; });
    run_.impose(happened);
    std::multimap<Timestamp, std::pair<Ticker, std::optional<Price>>> entries;
    for (const Ticker ticker : tickers_) {
        const auto& all = recent_.of(ticker);
        const auto first = std::ranges::lower_bound(all, from, {}, &RecentPrices::Entry::time);
        if (first != all.begin()) shown_[ticker] = std::prev(first)->price;
        for (auto entry = first; entry != all.end(); ++entry)
            entries.emplace(entry->time, std::pair(ticker, entry->price));
    }
    std::vector<RuleStep> out;
    for (const auto& [at, entry] : entries) give(entry.first, at, entry.second, out);
    pass(timed_until_, out);
    return out;
}

std::vector<RuleStep> Judged::amend(const ActiveAlert& row) {
    rule::Steps ignored, steps;
    const auto muted_until = run_.muted_until();
    for (Base& base : bases_) {
        if (base.run) {
            base.run->amend(*row.ruled, base.from, ignored);
            continue;
        }
        // One that waits for the end of a mute is not put aside, so that nothing else is to be done.
        before_->alert.terms = row.ruled->terms;
        before_->alert.notify_on_expiry = row.ruled->notify_on_expiry;
        before_->alert.state.snoozed_until = row.ruled->state.snoozed_until;
        before_->alert.state.expires_at = row.ruled->state.expires_at;
    }
    run_.amend(*row.ruled, last_, steps);
    alert_ = row;
    std::vector<RuleStep> out;
    take(steps, std::nullopt, muted_until, out);
    see_change();
    return out;
}

RuleStep Judged::expiry() const {
    return {shown(Timestamp{}), expiry_of(alert_, run_)};
}

bool Judged::has_told_since(Timestamp time) const {
    return std::ranges::any_of(fired_, [&](const rule::Fired& f) { return f.time >= time; }) ||
           std::ranges::any_of(noted_, [&](const auto& noted) { return noted.first >= time; });
}

// A copy is made after the timers that are due, or a late price would make them end again.
void Judged::keep_base(Timestamp time, std::vector<RuleStep>& out) {
    pass(time - Duration{1}, out);
    bases_.push_back({time, run_, mark_, unchanged_since_});
    while (bases_.size() > 1 && bases_[1].from <= time - RecentPrices::longest) bases_.pop_front();
    if (bases_.front().run) before_.reset();
    std::erase_if(fired_, [&](const rule::Fired& f) { return f.time < bases_.front().from; });
    std::erase_if(noted_, [&](const auto& n) { return n.first < bases_.front().from; });
}

void Judged::give(Ticker ticker, Timestamp time, const std::optional<Price>& price,
                  std::vector<RuleStep>& out) {
    if (time > last_ && time - bases_.back().from >= base_every) keep_base(time, out);
    last_ = time;
    rule::Steps steps;
    const auto muted_until = run_.muted_until();
    run_.value(ticker, time, price ? std::optional(price->value) : std::nullopt, steps);
    take(steps, price, muted_until, out);
    shown_[ticker] = price;
    see_change();
}

void Judged::pass(Timestamp until, std::vector<RuleStep>& out) {
    if (until <= last_) return;
    // After a long silence what came before it is not recent any more.
    if (until - last_ > base_every && last_ >= bases_.back().from)
        bases_.push_back({last_ + Duration{1}, run_, mark_, unchanged_since_});
    last_ = until;
    rule::Steps steps;
    const auto muted_until = run_.muted_until();
    run_.time(until, steps);
    take(steps, std::nullopt, muted_until, out);
    see_change();
}

void Judged::see_change() {
    const std::uint64_t mark = mark_of(run_);
    if (mark == mark_) return;
    mark_ = mark;
    unchanged_since_ = last_;
}

// `price`: the one that was given, if one was.
void Judged::take(const rule::Steps& steps, const std::optional<Price>& price,
                  const std::optional<Timestamp>& muted_until, std::vector<RuleStep>& out) {
    for (const rule::Step& step : steps) {
        const bool is_by_price = price && step.time == price->time;
        const Price by = is_by_price ? *price : shown(step.time);
        if (step.fired) {
            fired_.push_back(*step.fired);
            out.push_back({by, firing_of(alert_, step, muted_until)});
            continue;
        }
        // A note of a time that is judged again may have been given before, or be overtaken by a firing.
        const bool is_known = std::ranges::any_of(noted_, [&](const auto& noted) {
            return noted.first == step.time && noted.second == step.after.rules;
        });
        if (is_known || (!fired_.empty() && fired_.back().number > step.after.firings)) continue;
        noted_.emplace_back(step.time, step.after.rules);
        out.push_back({by, note_of(alert_, step)});
    }
}

// The price in effect.
Price Judged::shown(Timestamp time) const {
    const auto found = shown_.find(alert_.ticker);
    if (found != shown_.end() && found->second) return *found->second;
    return {alert_.ticker, {}, time, 0};
}

}  // namespace pricewire::alert
