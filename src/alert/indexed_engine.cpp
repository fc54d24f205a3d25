#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <set>
#include <utility>

#include "alert/lines/kept_alerts.hpp"
#include "alert/lines/markets.hpp"
#include "alert/lines/waiting.hpp"
#include "alert/live_alerts.hpp"
#include "alert/rule_engine.hpp"

// An alert is live or put aside.
//
// live       LiveAlerts gives it every price of its tickers: exact, and costs each price
// put aside  in some hundred bytes (KeptAlerts); it waits in the ordered books of the lines that it watches, and costs a
//            price nothing that is between the nearest levels
//
// An alert is put aside when nothing of it has changed for as long as RecentPrices reaches back, and it neither holds nor
// waits for a time (can_wait()). So it is the same as of any time that can be judged again, but for what its lines know,
// and those know it for all of their alerts. A value at which its run would change something, late or not, wakes it: its
// run is made again as of before that value, and goes on live, judging all prices since. It may be woken in vain, never
// too late (lines/quiet.hpp lists at which values, by word and stage).

namespace pricewire::alert {
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
        const Terms& terms = *alert.ruled->terms;
        if (is_put_aside(terms)) {
            keep_lines(terms, markets_);
            for (const auto& past : pasts) {
                if (markets_.find(past->ticker) != nullptr) markets_.take_past(*past);
            }
        }
        live_.add(alert, pasts);
        if (is_put_aside(terms)) review(alert.id);
    }
    void update(const ActiveAlert& alert) override {
        if (const auto slot = aside_.find(alert.id)) make_live(*slot, last_of(*alert.ruled->terms));
        live_.update(alert);
        if (is_put_aside(*alert.ruled->terms)) review(alert.id);
    }
    bool remove(const Uuid& id) override {
        const auto slot = aside_.find(id);
        if (!slot) return live_.remove(id);
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

    void on_price(const Price& price) override {
        live_.on_price(price);
        take_value(price.ticker, price.time, price.value);
    }
    void on_gone(const PriceGone& gone) override {
        live_.on_gone(gone);
        take_value(gone.ticker, gone.time, std::nullopt);
    }
    void on_late(Ticker ticker, Timestamp time) override {
        live_.on_late(ticker, time);
        if (SharedLine* line = markets_.find(ticker)) wake(touched_by(*line, time), time);
    }
    void on_time(Timestamp until) override {
        live_.on_time(until);
        review_until(until);
    }
    std::optional<Timestamp> next_time() const override { return live_.next_time(); }
    void expire(Timestamp until) override {
        while (expiries_.next() <= until) {
            const Slot slot = expiries_.take();
            make_live(slot, last_of(*aside_.get(slot).aside.alert.terms));
        }
        live_.expire(until);
    }
    std::optional<Timestamp> next_expiry() const override {
        const auto next = live_.next_expiry();
        if (expiries_.size() == 0) return next;
        return next ? std::min(*next, expiries_.next()) : expiries_.next();
    }

private:
    // --- Values

    void take_value(Ticker ticker, Timestamp time, std::optional<Decimal> value) {
        if (SharedLine* line = markets_.find(ticker)) {
            line->set(value, time);
            woken_.clear();
            line->take_woken(time, woken_);
            if (!woken_.empty()) wake(woken_, time);
        }
        review_until(time);
    }
    // Whom a late price or end, which RecentPrices has, may touch. The line knows it then.
    std::vector<Slot> touched_by(SharedLine& line, Timestamp time) {
        std::vector<Slot> out;
        const auto before = line.as_of(time).current;
        std::optional<Decimal> low, high;
        markets_.redo(line, time, [&](Timestamp at) {
            line.take_woken(at, out);
            const auto& current = line.state().current;
            if (!current) return;
            low = std::min(low.value_or(current->value), current->value);
            high = std::max(high.value_or(current->value), current->value);
        });
        if (!low) return out;
        const auto in_effect = before ? std::optional(before->value) : std::nullopt;
        for (const auto& entry : recent_.of(line.ticker())) {
            if (entry.time >= time && entry.price)
                line.take_woken_late(entry.price->value, in_effect, *low, *high, out);
        }
        return out;
    }

    // --- Taking up and putting aside

    KeptAlert take_up(Slot slot) {
        KeptAlert kept = aside_.get(slot);
        leave(kept, slot, markets_);
        if (const auto& at = kept.aside.alert.state.expires_at) expiries_.erase(*at, slot);
        aside_.remove(slot);
        return kept;
    }
    // As of before everything of `time`; what is recent since is judged.
    Uuid make_live(Slot slot, Timestamp time) {
        KeptAlert kept = take_up(slot);
        const ActiveAlert alert{kept.id,
                                kept.aside.alert.terms->rules[0].ticker,
                                Condition::lt,
                                {},
                                std::make_shared<const RuledAlert>(kept.aside.alert)};
        live_.wake(Judged(alert, recent_, std::move(kept.aside), time, run_of_), time);
        return alert.id;
    }
    void wake(std::vector<Slot> slots, Timestamp time) {
        last_ = std::max(last_, time);
        std::ranges::sort(slots);
        slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
        for (const Slot slot : slots) review(make_live(slot, time));
    }

    // Puts it aside, or looks again later.
    void review(const Uuid& id) {
        const Judged* judged = live_.find(id);
        if (judged == nullptr) {
            reviews_.erase(id);
            return;
        }
        const Terms& terms = *judged->alert().ruled->terms;
        const Timestamp reach = reach_of(terms), since = judged->unchanged_since();
        if (!judged->has_told_since(reach) && can_wait(judged->run(), since, reach, markets_)) {
            reviews_.erase(id);
            KeptAlert kept = put_aside(id, judged->run(), since, markets_);
            live_.remove(id);
            const Slot slot = aside_.add(kept);
            if (const auto& at = kept.aside.alert.state.expires_at) expiries_.insert(*at, slot);
            return wait(kept, slot, markets_, last_of(terms));
        }
        const Timestamp earliest = last_ + review_every;
        const Timestamp at = since == Timestamp::min()
                                 ? earliest
                                 : std::max(earliest, since + RecentPrices::longest + Duration{1});
        reviews_[id] = at;
        review_at_.emplace(at, id);
    }
    void review_until(Timestamp now) {
        last_ = std::max(last_, now);
        while (!review_at_.empty() && review_at_.begin()->first <= now) {
            const auto [at, id] = *review_at_.begin();
            review_at_.erase(review_at_.begin());
            const auto found = reviews_.find(id);
            if (found != reviews_.end() && found->second == at) review(id);
        }
    }
    // From when on prices of its tickers may still be judged again; the epoch if none is known.
    Timestamp reach_of(const Terms& terms) const {
        Timestamp out = Timestamp::max();
        for (const Ticker& ticker : tickers_of(terms))
            out = std::min(out, recent_.reach(ticker).value_or(Timestamp{}));
        return out;
    }
    Timestamp last_of(const Terms& terms) {
        Timestamp last = Timestamp::min();
        for (const Ticker& ticker : tickers_of(terms)) last = std::max(last, markets_.find(ticker)->last());
        return last;
    }

    static constexpr Duration review_every = std::chrono::seconds{5};

    const RecentPrices& recent_;
    Markets markets_;
    LiveAlerts live_;
    KeptAlerts aside_;
    Timers expiries_;  // of those that are put aside
    const Judged::RunOf run_of_ = [this](const PutAside& aside, Timestamp time) {
        return run_of(aside, markets_, time);
    };
    // When alerts that are live are to be looked at.
    absl::flat_hash_map<Uuid, Timestamp> reviews_;
    std::set<std::pair<Timestamp, Uuid>> review_at_;
    Timestamp last_ = Timestamp{};
    // Of the event at hand.
    std::vector<Slot> woken_;
    mutable AlertState shown_state_;
};

}  // namespace

std::unique_ptr<RuleEngine> create_rule_engine(const RecentPrices& recent, RuleEngine::Take take) {
    return std::make_unique<IndexedEngine>(recent, std::move(take));
}

}  // namespace pricewire::alert
