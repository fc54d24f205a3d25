#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <set>
#include <utility>

#include "alert/lines/holds.hpp"
#include "alert/lines/kept_alerts.hpp"
#include "alert/lines/markets.hpp"
#include "alert/lines/places.hpp"
#include "alert/lines/waiting.hpp"
#include "alert/live_alerts.hpp"
#include "alert/rule_engine.hpp"
#include "rule/detail/rule_levels.hpp"

// An alert is live or put aside.
//
// live       LiveAlerts gives it every price of its tickers: exact, and costs each price
// put aside  in some hundred bytes (KeptAlerts); it waits in the ordered books and timers of the lines that it watches,
//            and costs a price nothing that is between the nearest levels
//
// An alert is put aside when nothing of it can change but by what its books and timers wake it for. A value at which its
// run would change something, late or not, or a time that decides, wakes it: its run is made again as of before that, and
// goes on live, judging all prices since; right after that it is put aside again. It may be woken in vain, never too late
// (lines/quiet.hpp lists at which values, by word and stage).
//
// What is put aside is the same as of any time since KeptAlert::from. While RecentPrices reaches further back, a price of
// before may still come: then the alert is young, what it was before is kept beside it (a Judged that rests), and every
// late price of before `from` wakes it.
//
// One that has not begun waits for that alone, and a rule without a price since its start for its first one.
//
// Live stay those whose lines do not know as much as their runs, that hold without a price, that have no price yet from which
// their high or low counts, whose rules joined by `all` are all true or not known, and some between bounds that move
// (lines/waiting.cpp).

namespace pricewire::alert {

using rule::detail::earliest;

namespace {

class IndexedEngine final : public RuleEngine {
public:
    IndexedEngine(const RecentPrices& recent, Take take)
        : recent_(recent), markets_(recent), live_(recent, std::move(take)) {}
    IndexedEngine(const IndexedEngine&) = delete;
    IndexedEngine& operator=(const IndexedEngine&) = delete;

    std::vector<PastNeed> needs(const ActiveAlert& alert, Timestamp now) const override {
        return live_.needs(alert, now);
    }
    void add(const ActiveAlert& alert, std::span<const std::shared_ptr<const LinePast>> pasts) override {
        remove(alert.id);
        keep_lines(*alert.ruled->terms, pasts, markets_);
        live_.add(alert, pasts);
        review(alert.id);
    }
    void update(const ActiveAlert& alert) override {
        if (const auto slot = aside_.find(alert.id)) make_live_as_of_last(*slot);
        live_.update(alert);
        review(alert.id);
    }
    bool remove(const Uuid& id) override {
        const auto slot = aside_.find(id);
        if (!slot) {
            stop_awaiting_price(id);
            return live_.remove(id);
        }
        Timestamp from{};
        take_past(*slot, from);
        take_up(*slot);
        return true;
    }
    const AlertState* state(const Uuid& id) const override {
        const auto slot = aside_.find(id);
        if (!slot) return live_.state(id);
        shown_state_ = aside_.get(*slot).aside.alert.state;
        return &shown_state_;
    }
    std::size_t size() const override { return live_.size() + aside_.size(); }
    std::vector<Uuid> ids() const override {
        auto out = live_.ids();
        const auto aside = aside_.ids();
        out.insert(out.end(), aside.begin(), aside.end());
        return out;
    }

    void on_blind() override {
        live_.on_blind();
        markets_.begin_blind();
        for (auto& [slot, young] : young_) young.past->begin_blind();
    }
    void on_price(const Price& price) override {
        if (live_.size() > 0) live_.on_price(price);
        take_value(price.ticker, price.time, &price);
    }
    void on_gone(const PriceGone& gone) override {
        live_.on_gone(gone);
        take_value(gone.ticker, gone.time, nullptr);
    }
    void on_late(Ticker ticker, Timestamp time) override {
        live_.on_late(ticker, time);
        Market* const market = markets_.find(ticker);
        if (market == nullptr || time < recent_.reach(ticker).value_or(time)) return;
        last_ = std::max(last_, time);
        const auto woken = make_live_young(ticker, time);
        markets_.set_late(*market, time, woken_);
        wake();
        for (const Uuid& id : woken) review(id);
    }
    void on_time(Timestamp until) override {
        if (until_ && until <= *until_) return;
        until_ = until;
        last_ = std::max(last_, until);
        markets_.pass(until, woken_);
        const auto woken = make_live();
        live_.on_time(until);
        for (const Uuid& id : woken) review(id);
        look_after(until);
    }
    std::optional<Timestamp> next_time() const override {
        return earliest(live_.next_time(), markets_.next_time());
    }
    void expire(Timestamp until) override {
        while (expiries_.next() <= until) make_live_as_of_last(expiries_.take());
        live_.expire(until);
    }
    std::optional<Timestamp> next_expiry() const override {
        return earliest(live_.next_expiry(),
                        expiries_.size() == 0 ? std::nullopt : std::optional(expiries_.next()));
    }

private:
    // The end of a hold, unless it turns out to begin later. A late price of before `from` may make it end earlier.
    struct Held {
        Timestamp due, from;
        Side other;  // where a value of a channel would not end it
    };
    // An alert that is put aside, and what it was before `from`.
    struct Young {
        Timestamp from;
        std::unique_ptr<Judged> past;
    };

    // Null: it is gone.
    void take_value(const Ticker& ticker, Timestamp time, const Price* price) {
        if (Market* market = markets_.find(ticker)) {
            last_ = std::max(last_, time);
            // Of several tickers, or after a time that has passed, the newest price may be of before.
            const auto woken = is_before_young(time) ? make_live_young(ticker, time) : std::vector<Uuid>{};
            markets_.end_due(*market, time, woken_);
            const auto due = make_live();
            markets_.set(*market, time, price, woken_);
            if (!woken_.empty()) wake();
            for (const Uuid& id : woken) review(id);
            for (const Uuid& id : due) review(id);
            if (!unsettled_.empty()) settle(ticker);
        }
        look_after(time);
    }
    // Alerts begin, or go on from their rows, by the first price that they are given, and what has changed at a moment is
    // settled by the first price after it: then most can be put aside.
    void settle(Ticker ticker) {
        const auto found = unsettled_.find(ticker);
        if (found == unsettled_.end()) return;
        const auto ids = std::move(found->second);
        unsettled_.erase(found);
        for (const Uuid& id : ids) review(id);
    }
    void await_price(const Uuid& id, const Judged& judged) {
        const auto& starts_at = judged.run().state().starts_at;
        const bool has_begun = judged.run().has_begun();
        if (has_begun ? judged.settled_from() <= judged.last() : starts_at && *starts_at > last_) return;
        for (const Ticker& ticker : tickers_of(*judged.alert().ruled->terms)) unsettled_[ticker].insert(id);
    }
    void stop_awaiting_price(const Uuid& id) {
        const Judged* judged = live_.find(id);
        if (judged == nullptr) return;
        for (const Ticker& ticker : tickers_of(*judged->alert().ruled->terms)) {
            const auto found = unsettled_.find(ticker);
            if (found == unsettled_.end()) continue;
            found->second.erase(id);
            if (found->second.empty()) unsettled_.erase(found);
        }
    }

    // --- Taking up and putting aside

    KeptAlert take_up(Slot slot) {
        KeptAlert kept = aside_.get(slot);
        leave_places(kept, slot);
        markets_.release_ratios(*kept.aside.alert.terms);
        if (const auto& at = kept.aside.alert.state.expires_at) expiries_.erase(*at, slot);
        aside_.remove(slot);
        return kept;
    }
    // What it was before, if it is young.
    std::optional<Judged> take_past(Slot slot, Timestamp& from) {
        const auto found = young_.find(slot);
        if (found == young_.end()) return std::nullopt;
        from = found->second.from;
        std::optional<Judged> past(std::move(*found->second.past));
        forget_young(found, slot);
        return past;
    }
    // As of before everything of `time`; what is recent since is judged.
    Uuid make_live(Slot slot, Timestamp time) {
        KeptAlert kept = take_up(slot);
        const ActiveAlert alert{kept.id,
                                kept.aside.alert.terms->rules[0].ticker,
                                Condition::lt,
                                {},
                                std::make_shared<const RuledAlert>(kept.aside.alert)};
        Timestamp from{};
        auto past = take_past(slot, from);
        Judged judged = past ? std::move(*past) : Judged(alert, recent_);
        judged.put_aside(std::move(kept.aside), from, time, run_of_);
        live_.wake(std::move(judged), time);
        return alert.id;
    }
    // As of when it was last judged, or later.
    void make_live_as_of_last(Slot slot) {
        const auto young = young_.find(slot);
        const Timestamp from = young == young_.end() ? Timestamp{} : young->second.from;
        make_live(slot, std::max(from, markets_.last_of(*aside_.get(slot).aside.alert.terms)));
    }
    bool is_before_young(Timestamp time) const { return by_from_.size() > 0 && time < by_from_.last(); }
    // Those that watch the ticker and were put aside since, of which a price of `time` has come.
    std::vector<Uuid> make_live_young(Ticker ticker, Timestamp time) {
        std::vector<Uuid> ids;
        auto slots = by_from_.after(time);
        std::ranges::sort(slots);
        slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
        for (const Slot slot : slots) {
            const auto tickers = tickers_of(*aside_.get(slot).aside.alert.terms);
            if (std::ranges::find(tickers, ticker) != tickers.end()) ids.push_back(make_live(slot, time));
        }
        return ids;
    }
    // Those of woken_.
    std::vector<Uuid> make_live() {
        if (woken_.empty()) return {};
        std::ranges::sort(woken_);
        const auto is_same = [](const auto& a, const auto& b) { return a.first == b.first; };
        woken_.erase(std::unique(woken_.begin(), woken_.end(), is_same), woken_.end());
        std::vector<Uuid> ids;
        for (const auto& [slot, time] : std::exchange(woken_, {})) {
            if (!is_put_off(slot, time)) ids.push_back(make_live(slot, std::min(time, last_age_of(slot))));
        }
        return ids;
    }
    // An age that expires before it is reached is told as of then.
    Timestamp last_age_of(Slot slot) const {
        const RuledAlert& alert = aside_.get(slot).aside.alert;
        const bool is_age = alert.terms->rules[0].watched == Watched::age;
        return is_age ? alert.state.expires_at.value_or(Timestamp::max()) : Timestamp::max();
    }

    // --- Holds that are read from the past of their line

    // Its hold may end then.
    void hold(const KeptAlert& kept, Slot slot, const rule::Machine& machine, Side other) {
        const Terms& terms = *kept.aside.alert.terms;
        // A late price in a time without one makes it end earlier.
        const bool was_blind = machine.holds_from != machine.true_since;
        const Held held{*machine.true_since + terms.hold,
                        was_blind ? last_ + Duration{1} : *machine.holds_from, other};
        held_[slot] = held;
        by_from_.insert(held.from, slot);
        wait_until(terms, held.due, slot, markets_);
        wait_on(other, kept, slot, markets_);
    }
    Side other_side_now(const KeptAlert& kept) {
        return other_side(kept.aside, markets_.line(kept.aside.alert.terms->rules[0]).newest()->value);
    }
    void leave_places(const KeptAlert& kept, Slot slot) {
        const auto found = held_.find(slot);
        if (found == held_.end()) return leave(kept, slot, markets_);
        const Held held = found->second;
        held_.erase(found);
        leave_until(*kept.aside.alert.terms, held.due, slot, markets_);
        leave_on(held.other, kept, slot, markets_);
        const auto young = young_.find(slot);
        if (young == young_.end() || young->second.from != held.from) by_from_.erase(held.from, slot);
    }
    // Whether all there is to do is to look again when its hold may end, or to wait until it begins: it was woken by the
    // newest value, or because its hold was to end.
    bool is_put_off(Slot slot, Timestamp time) {
        const KeptAlert kept = aside_.get(slot);
        const PutAside& aside = kept.aside;
        if (!aside.hold_from) return false;
        const Terms& terms = *aside.alert.terms;
        const auto goes_on = [&](const rule::Machine& machine, Side other) {
            if (machine.blind_since || *machine.true_since + terms.hold <= last_) return false;
            // After much blind time its line might forget when it began.
            if (*machine.holds_from + terms.hold + std::chrono::minutes{3} < last_) return false;
            leave_places(kept, slot);
            hold(kept, slot, machine, other);
            return true;
        };
        const SharedLine& line = markets_.line(terms.rules[0]);
        const Timestamp last = line.last();
        const auto found = held_.find(slot);
        const auto held = found == held_.end() ? std::nullopt : std::optional(found->second);
        const bool has_jumped = held && last_beyond(aside, line, held->other) >= held->due - terms.hold;
        if (held && !has_jumped) {
            const rule::Machine then = hold_of(aside, markets_, held->due);
            if (then.true_since) return goes_on(then, held->other);
        } else if (time < last || (has_jumped && !came_from_calm(aside, line))) {
            return false;
        }
        const rule::Machine now = hold_of(aside, markets_, last + Duration{1});
        if (now.true_since) return goes_on(now, other_side_now(kept));
        leave_places(kept, slot);
        wait(kept, slot, markets_);
        return true;
    }
    void wake() {
        for (const Uuid& id : make_live()) review(id);
    }

    // Puts it aside, or looks again later.
    void review(const Uuid& id) {
        const Judged* judged = live_.find(id);
        if (judged == nullptr) {
            reviews_.erase(id);
            return;
        }
        const Timestamp reach = reach_of(*judged->alert().ruled->terms);
        if (auto kept = put_aside(*judged, reach, last_, markets_)) {
            reviews_.erase(id);
            return keep(*kept, live_.take(id), reach);
        }
        await_price(id, *judged);
        const auto [at, is_new] = reviews_.try_emplace(id, last_ + review_every);
        if (!is_new) return;
        review_at_.emplace(at->second, id);
        look_at_ = std::min(look_at_, at->second);
    }
    void keep(KeptAlert& kept, Judged judged, Timestamp reach) {
        const Slot slot = aside_.add(kept);
        markets_.use_ratios(*kept.aside.alert.terms);
        if (const auto& at = kept.aside.alert.state.expires_at) expiries_.insert(*at, slot);
        const rule::Machine& machine = kept.aside.memory.rules[0].machine;
        if (kept.aside.hold_from && machine.true_since) {
            hold(kept, slot, machine, other_side_now(kept));
        } else {
            wait(kept, slot, markets_);
        }
        if (kept.from <= reach) return;
        judged.rest(kept.from, reach);
        young_[slot] = {kept.from, std::make_unique<Judged>(std::move(judged))};
        by_from_.insert(kept.from, slot);
        look_again(slot, kept.from + RecentPrices::longest);
    }
    void look_again(Slot slot, Timestamp at) {
        grown_.insert(at, slot);
        look_at_ = std::min(look_at_, at);
    }
    void look_after(Timestamp now) {
        last_ = std::max(last_, now);
        if (now < look_at_) return;
        while (!review_at_.empty() && review_at_.begin()->first <= now) {
            const auto [at, id] = *review_at_.begin();
            review_at_.erase(review_at_.begin());
            const auto found = reviews_.find(id);
            if (found == reviews_.end() || found->second != at) continue;
            reviews_.erase(found);
            review(id);
        }
        while (grown_.next() <= now) forget_past(grown_.take(), now);
        if (now >= drop_at_) {
            markets_.drop_ratios(
                [&](const RatioLine& line) { return live_.watch_ratio(line.ticker, line.other); });
            drop_at_ = now + drop_every;
        }
        look_at_ = std::min(
            {drop_at_, grown_.next(), review_at_.empty() ? Timestamp::max() : review_at_.begin()->first});
    }
    // Unless a price of before may still come, since its tickers have had none for long.
    void forget_past(Slot slot, Timestamp now) {
        const auto found = young_.find(slot);
        if (found == young_.end() || found->second.from + RecentPrices::longest > now) return;
        const Timestamp from = found->second.from;
        if (from > reach_of(*aside_.get(slot).aside.alert.terms)) {
            look_again(slot, now + look_again_every);
            return;
        }
        forget_young(found, slot);
    }
    void forget_young(absl::flat_hash_map<Slot, Young>::iterator young, Slot slot) {
        const auto held = held_.find(slot);
        if (held == held_.end() || held->second.from != young->second.from)
            by_from_.erase(young->second.from, slot);
        young_.erase(young);
    }
    // From when on prices of its tickers may still be judged again, as a Judged keeps what it needs for that; the epoch if
    // none is known.
    Timestamp reach_of(const Terms& terms) const {
        Timestamp out{};
        for (const Ticker& ticker : tickers_of(terms))
            out = std::max(out, recent_.reach(ticker).value_or(Timestamp{}));
        return out;
    }
    static constexpr Duration review_every = std::chrono::seconds{5};
    static constexpr Duration look_again_every = std::chrono::seconds{30};
    static constexpr Duration drop_every = std::chrono::minutes{1};

    const RecentPrices& recent_;
    Markets markets_;
    LiveAlerts live_;
    KeptAlerts aside_;
    Timers expiries_;  // of those that are put aside
    absl::flat_hash_map<Slot, Young> young_;
    absl::flat_hash_map<Slot, Held> held_;
    Timers by_from_;  // of both
    Timers grown_;    // when they may be young no more; some are not
    const Judged::RunOf run_of_ = [this](const PutAside& aside, Timestamp time) {
        const auto& before = markets_.market(aside.alert.terms->rules[0].ticker).before;
        return Judged::Before{run_of(aside, markets_, time),
                              before && before->time < time ? before : std::nullopt};
    };
    absl::flat_hash_map<Ticker, absl::flat_hash_set<Uuid>> unsettled_;  // live
    // When alerts that are live are to be looked at.
    absl::flat_hash_map<Uuid, Timestamp> reviews_;
    std::set<std::pair<Timestamp, Uuid>> review_at_;
    Timestamp drop_at_ = Timestamp::min();  // when ratios that nobody watches any more go
    Timestamp look_at_ = Timestamp::min();  // the first of drop_at_, review_at_ and grown_, or earlier
    Timestamp last_ = Timestamp{};
    std::optional<Timestamp> until_;  // of on_time()
    // Of the event at hand.
    Woken woken_;
    mutable AlertState shown_state_;
};

}  // namespace

std::unique_ptr<RuleEngine> create_rule_engine(const RecentPrices& recent, RuleEngine::Take take) {
    return std::make_unique<IndexedEngine>(recent, std::move(take));
}

}  // namespace pricewire::alert
