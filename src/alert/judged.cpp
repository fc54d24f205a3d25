#include "alert/judged.hpp"

#include <algorithm>
#include <iterator>

#include "alert/firing_of.hpp"

// A late price
//
// Copies of a run are kept, one for every half a minute that RecentPrices reaches back. A late price is judged by the last
// copy from before it, together with all prices that followed; firings that have happened are imposed on it, and edits are
// made again when they were made.

namespace pricewire::alert {
namespace {

constexpr Duration base_every = std::chrono::seconds{30};
// Of more, the oldest are made when the next one was.
constexpr std::size_t most_amendments = 64;

std::vector<Ticker> sorted_tickers_of(const ActiveAlert& alert) {
    std::vector<Ticker> tickers = tickers_of(*alert.ruled->terms);
    std::ranges::sort(tickers);
    return tickers;
}

}  // namespace

Judged::Judged(const ActiveAlert& alert, const RecentPrices& recent)
    : alert_(alert),
      recent_(recent),
      tickers_(sorted_tickers_of(alert)),
      run_(std::make_unique<rule::Run>(*alert.ruled)) {}

void Judged::rest(Timestamp from, Timestamp reach) {
    while (!bases_.empty() && bases_.back().from >= from) bases_.pop_back();
    forget_bases(reach);
    thin_bases();
    run_.reset();
    shown_.clear();
}

void Judged::put_aside(PutAside aside, Timestamp from, Timestamp until, const RunOf& run_of) {
    while (!bases_.empty() && bases_.back().from >= from) bases_.pop_back();
    Base& base = bases_.emplace_back(Base{.from = from, .unchanged_since = aside.since, .until = until});
    base.aside = std::make_unique<PutAside>(std::move(aside));
    run_of_ = &run_of;
}

std::vector<RuleStep> Judged::begin(std::span<const std::shared_ptr<const LinePast>> pasts) {
    for (const auto& past : pasts) {
        const auto& entries = recent_.of(past->ticker);
        for (Stretch stretch : past->stretches) {
            if (!entries.empty()) stretch.to = std::min(stretch.to, entries.front().time);
            if (stretch.from < stretch.to) run_->history(past->ticker, stretch);
        }
    }
    bases_.push_back({Timestamp{}, *run_, run_->fingerprint()});
    begin_blind();
    return replay(Timestamp{});
}

void Judged::begin_blind() {
    for (const Ticker& ticker : tickers_) {
        const auto since = recent_.blind_before(ticker);
        if (!since) continue;
        if (run_) run_->begin_blind(ticker, *since);
        for (Base& base : bases_) {
            if (base.run) base.run->begin_blind(ticker, *since);
        }
    }
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
        run_ = std::make_unique<rule::Run>(*base.run);
        mark_ = base.mark;
        last_ = base.from;
        return base.from;
    }
    base.until = std::min(base.until, time);
    Before before = (*run_of_)(*base.aside, base.until);
    run_ = std::make_unique<rule::Run>(std::move(before.run));
    if (base.aside->hold_from) unchanged_since_ = base.until - Duration{1};
    shown_[alert_.ticker] = before.shown;
    mark_ = run_->fingerprint();
    last_ = base.until - Duration{1};
    return base.until;
}

std::vector<RuleStep> Judged::replay(Timestamp time) {
    shown_.clear();
    const Timestamp from = restore(time);
    std::vector<rule::Fired> happened;
    std::ranges::copy_if(fired_, std::back_inserter(happened),
                         [&](const rule::Fired& f) { return f.time >= from; });
    run_->impose(happened);
    amended_ = std::min(amended_, from - Duration{1});
    const std::vector<Amendment> amendments(std::ranges::lower_bound(amendments_, from, {}, &Amendment::time),
                                            amendments_.end());
    auto amendment = amendments.begin();
    struct Source {
        Ticker ticker;
        RecentPrices::Entries::Iterator next, end;
    };
    std::vector<Source> sources;
    for (const Ticker ticker : tickers_) {
        const auto& all = recent_.of(ticker);
        const auto first = std::ranges::lower_bound(all, from, {}, &RecentPrices::Entry::time);
        if (first != all.begin()) shown_[ticker] = std::prev(first)->price(ticker);
        if (first != all.end()) sources.push_back({ticker, first, all.end()});
    }
    std::vector<RuleStep> out;
    while (!sources.empty()) {
        const auto source = std::ranges::min_element(sources, [](const Source& a, const Source& b) {
            return RecentPrices::is_before(*a.next, *b.next);
        });
        for (; amendment != amendments.end() && amendment->time < source->next->time; ++amendment)
            amend_again(*amendment, out);
        give(source->ticker, source->next->time, source->next->price(source->ticker), out);
        if (++source->next == source->end) sources.erase(source);
    }
    for (; amendment != amendments.end(); ++amendment) amend_again(*amendment, out);
    pass(timed_until_, out);
    return out;
}

std::vector<RuleStep> Judged::amend(const ActiveAlert& row, Timestamp until) {
    last_ = std::max(last_, until);
    alert_ = row;
    const Amendment amendment{last_, row.ruled};
    if (amendments_.size() == most_amendments) amendments_.erase(amendments_.begin());
    amendments_.push_back(amendment);
    std::vector<RuleStep> out;
    make(amendment, out);
    return out;
}

void Judged::amend_again(const Amendment& amendment, std::vector<RuleStep>& out) {
    pass(amendment.time, out);
    make(amendment, out);
}

void Judged::make(const Amendment& amendment, std::vector<RuleStep>& out) {
    rule::Steps steps;
    const auto muted_until = run_->muted_until();
    run_->amend(*amendment.row, amendment.time, steps);
    amended_ = amendment.time;
    take(steps, std::nullopt, muted_until, out);
    see_change();
}

RuleStep Judged::expiry() const {
    return {shown(Timestamp{}), expiry_of(alert_, *run_)};
}

// A late price may have made an earlier one later.
Timestamp Judged::last_fired() const {
    Timestamp last = Timestamp::min();
    for (const rule::Fired& fired : fired_) last = std::max(last, fired.time);
    return last;
}
Timestamp Judged::last_noted() const {
    Timestamp last = Timestamp::min();
    for (const auto& noted : noted_) last = std::max(last, noted.first);
    return last;
}

Timestamp Judged::settled_from() const {
    return std::max({unchanged_since_, last_fired(), last_noted(), amended_}) + Duration{1};
}

// A copy is made after the timers that are due, or a late price would make them end again.
void Judged::keep_base(Timestamp time, std::vector<RuleStep>& out) {
    pass(time - Duration{1}, out);
    bases_.push_back({time, *run_, mark_, unchanged_since_});
    forget_bases(time - RecentPrices::longest);
}

// How it has begun stays; what has fired is imposed, and an edit made again, only where prices of before are judged again.
void Judged::keep_past() {
    const Base& base = bases_.back();
    const bool had_begun = base.run ? base.run->has_begun() : !base.aside->alert.state.rules.empty();
    const bool has_begun = !had_begun && run_->has_begun();
    const bool has_news = has_begun || last_fired() >= base.from || amended_ >= base.from;
    if (!has_news || last_ < base.from || !run_->has_all_happened()) return;
    bases_.push_back({last_ + Duration{1}, *run_, mark_, unchanged_since_});
}

void Judged::forget_bases(Timestamp reach) {
    while (bases_.size() > 1 && bases_[1].from <= reach) bases_.pop_front();
    if (bases_.empty()) return amendments_.clear();
    std::erase_if(amendments_, [&](const Amendment& a) { return a.time < bases_.front().from; });
    std::erase_if(fired_, [&](const rule::Fired& f) { return f.time < bases_.front().from; });
    std::erase_if(noted_, [&](const auto& n) { return n.first < bases_.front().from; });
}

// One that is put aside and taken up again and again has one each time. Those between which nothing happened that prices
// alone do not tell are as good as the first of them.
void Judged::thin_bases() {
    const Timestamp news = std::max({last_fired(), last_noted(), amended_});
    for (std::size_t i = 2; i < bases_.size();) {
        const Base& before = bases_[i - 1];
        const bool is_close = bases_[i].aside && before.aside && bases_[i].from - before.from < base_every;
        if (is_close && news < before.from) {
            bases_.erase(bases_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            ++i;
        }
    }
}

void Judged::give(Ticker ticker, Timestamp time, const std::optional<Price>& price,
                  std::vector<RuleStep>& out) {
    if (time > last_) keep_past();
    const Base& base = bases_.back();
    if (time > last_ && time - (base.aside ? base.until : base.from) >= base_every) keep_base(time, out);
    last_ = time;
    rule::Steps steps;
    const auto muted_until = run_->muted_until();
    run_->value(ticker, time, price ? std::optional(price->value) : std::nullopt, steps);
    take(steps, price, muted_until, out);
    shown_[ticker] = price;
    see_change();
}

void Judged::pass(Timestamp until, std::vector<RuleStep>& out) {
    if (until <= last_) return;
    keep_past();
    // After a long silence what came before it is not recent any more. A copy on which a firing is still to be imposed would
    // make that firing once more.
    if (until - last_ > base_every && last_ >= bases_.back().from && run_->has_all_happened())
        bases_.push_back({last_ + Duration{1}, *run_, mark_, unchanged_since_});
    last_ = until;
    rule::Steps steps;
    const auto muted_until = run_->muted_until();
    run_->time(until, steps);
    take(steps, std::nullopt, muted_until, out);
    see_change();
}

void Judged::see_change() {
    const std::uint64_t mark = run_->fingerprint();
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
