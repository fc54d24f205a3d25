#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <set>
#include <utility>

#include "alert/lines/kept_alerts.hpp"
#include "alert/lines/markets.hpp"
#include "alert/lines/places.hpp"
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
// waits for a time. So it is the same as of any time that can be judged again, but for what its lines know, and those know
// it for all of their alerts. A value at which its run would change something, late or not, wakes it: its run is made again
// as of before that value, and goes on live, judging all prices since. It may be woken in vain, never too late
// (lines/quiet.hpp lists at which values, by word and stage).

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
        if (is_put_aside(terms)) keep_lines(terms, pasts, until_.value_or(Timestamp::min()), markets_);
        live_.add(alert, pasts);
        if (!is_put_aside(terms)) return;
        review(alert.id);
        await_begin(alert.id);
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
        take_value(price.ticker, price.time, price);
    }
    void on_gone(const PriceGone& gone) override {
        live_.on_gone(gone);
        take_value(gone.ticker, gone.time, std::nullopt);
    }
    void on_late(Ticker ticker, Timestamp time) override {
        live_.on_late(ticker, time);
        Market* const market = markets_.find(ticker);
        if (market == nullptr) return;
        markets_.set_late(*market, time, woken_);
        wake(time);
    }
    void on_time(Timestamp until) override {
        if (until_ && until <= *until_) return;
        until_ = until;
        markets_.pass(until, woken_);
        const auto woken = make_live();
        live_.on_time(until);
        for (const Uuid& id : woken) review(id);
        review_until(until);
    }
    std::optional<Timestamp> next_time() const override {
        return earlier(live_.next_time(), markets_.next_time());
    }
    void expire(Timestamp until) override {
        while (expiries_.next() <= until) {
            const Slot slot = expiries_.take();
            make_live(slot, last_of(*aside_.get(slot).aside.alert.terms));
        }
        live_.expire(until);
    }
    std::optional<Timestamp> next_expiry() const override {
        return earlier(live_.next_expiry(),
                       expiries_.size() == 0 ? std::nullopt : std::optional(expiries_.next()));
    }

private:
    static std::optional<Timestamp> earlier(std::optional<Timestamp> a, std::optional<Timestamp> b) {
        return a && b ? std::min(a, b) : a ? a : b;
    }

    void take_value(Ticker ticker, Timestamp time, const std::optional<Price>& price) {
        if (Market* market = markets_.find(ticker)) {
            markets_.set(*market, time, price, woken_);
            wake(time);
            begin(ticker);
        }
        review_until(time);
    }
    // Alerts begin, or go on from their rows, by the first price that they are given: then most can be put aside.
    void begin(Ticker ticker) {
        const auto found = unbegun_.find(ticker);
        if (found == unbegun_.end()) return;
        const auto ids = std::move(found->second);
        unbegun_.erase(found);
        for (const Uuid& id : ids) {
            review(id);
            await_begin(id);
        }
    }
    void await_begin(const Uuid& id) {
        const Judged* judged = live_.find(id);
        if (judged == nullptr || judged->run().has_begun()) return;
        const auto& starts_at = judged->run().state().starts_at;
        if (starts_at && *starts_at > last_) return;
        for (const Ticker& ticker : tickers_of(*judged->alert().ruled->terms)) unbegun_[ticker].insert(id);
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
        Judged judged(alert, recent_);
        judged.put_aside(std::move(kept.aside), Timestamp{}, time, run_of_);
        live_.wake(std::move(judged), time);
        return alert.id;
    }
    // Those of woken_.
    std::vector<Uuid> make_live() {
        std::ranges::sort(woken_);
        const auto is_same = [](const auto& a, const auto& b) { return a.first == b.first; };
        woken_.erase(std::unique(woken_.begin(), woken_.end(), is_same), woken_.end());
        std::vector<Uuid> ids;
        for (const auto& [slot, time] : std::exchange(woken_, {})) ids.push_back(make_live(slot, time));
        return ids;
    }
    void wake(Timestamp now) {
        if (woken_.empty()) return;
        last_ = std::max(last_, now);
        for (const Uuid& id : make_live()) review(id);
    }

    // Puts it aside, or looks again later.
    void review(const Uuid& id) {
        const Judged* judged = live_.find(id);
        if (judged == nullptr) {
            reviews_.erase(id);
            return;
        }
        const Terms& terms = *judged->alert().ruled->terms;
        const Timestamp reach = reach_of(terms), since = judged->unchanged_since(),
                        from = judged->settled_from();
        if (from <= reach) {
            if (auto kept = put_aside(id, judged->run(), since, reach, markets_)) {
                live_.remove(id);
                reviews_.erase(id);
                const Slot slot = aside_.add(*kept);
                if (const auto& at = kept->aside.alert.state.expires_at) expiries_.insert(*at, slot);
                return wait(*kept, slot, markets_, last_of(terms));
            }
        }
        review_at(id, last_ + review_every);
    }
    void review_at(const Uuid& id, Timestamp at) {
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
    // As of when it was last judged, or later.
    Timestamp last_of(const Terms& terms) {
        Timestamp last = Timestamp::min();
        for (const Ticker& ticker : tickers_of(terms))
            last = std::max(last, markets_.market(ticker).line.last());
        const Rule& rule = terms.rules[0];
        if (rule.watched == Watched::close)
            return std::max(last, markets_.close(rule).timed_until() + Duration{1});
        return rule.watched == Watched::age ? last + Duration{1} : last;
    }

    static constexpr Duration review_every = std::chrono::seconds{5};

    const RecentPrices& recent_;
    Markets markets_;
    LiveAlerts live_;
    KeptAlerts aside_;
    Timers expiries_;  // of those that are put aside
    const Judged::RunOf run_of_ = [this](const PutAside& aside, Timestamp time) {
        const auto& before = markets_.market(aside.alert.terms->rules[0].ticker).before;
        return Judged::Before{run_of(aside, markets_, time),
                              before && before->time < time ? before : std::nullopt};
    };
    absl::flat_hash_map<Ticker, absl::flat_hash_set<Uuid>> unbegun_;  // live, or removed since
    // When alerts that are live are to be looked at.
    absl::flat_hash_map<Uuid, Timestamp> reviews_;
    std::set<std::pair<Timestamp, Uuid>> review_at_;
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
