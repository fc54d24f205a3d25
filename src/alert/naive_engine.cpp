#include "alert/naive_engine.hpp"

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "alert/firing_of.hpp"
#include "rule/run.hpp"

// A late price
//
// Copies of each alert's Run are kept, one for every half a minute that RecentPrices reaches back. A late price is
// judged by the last copy from before it, together with all prices that followed; firings that have happened are
// imposed on it.

namespace pricewire::alert {
namespace {

constexpr Duration base_every = std::chrono::seconds{30};

class Judged {
public:
    Judged(const ActiveAlert& alert, const RecentPrices& recent)
        : alert_(alert), recent_(recent), run_(*alert.ruled) {
        for (const Rule& rule : alert.ruled->terms->rules) {
            tickers_.insert(rule.ticker);
            if (rule.watched == Watched::ratio) tickers_.insert(rule.other);
        }
    }

    const ActiveAlert& alert() const { return alert_; }
    const rule::Run& run() const { return run_; }
    const std::set<Ticker>& tickers() const { return tickers_; }

    // The past, then what is recent.
    std::vector<RuleStep> begin(std::span<const std::shared_ptr<const LinePast>> pasts) {
        for (const auto& past : pasts) {
            const auto& entries = recent_.of(past->ticker);
            for (Stretch stretch : past->stretches) {
                if (!entries.empty()) stretch.to = std::min(stretch.to, entries.front().time);
                if (stretch.from < stretch.to) run_.history(past->ticker, stretch);
            }
        }
        bases_.emplace_back(Timestamp{}, run_);
        return replay(Timestamp{});
    }
    // RecentPrices has it already.
    std::vector<RuleStep> value(Ticker ticker, Timestamp time, const std::optional<Price>& price) {
        if (time < last_ && time >= bases_.front().first) return replay(time);
        std::vector<RuleStep> out;
        give(ticker, std::max(time, last_), price, out);
        return out;
    }
    std::vector<RuleStep> time(Timestamp until) {
        std::vector<RuleStep> out;
        timed_until_ = std::max(timed_until_, until);
        pass(until, out);
        return out;
    }
    // Judges everything again from the latest copy before `time`.
    std::vector<RuleStep> replay(Timestamp time) {
        while (bases_.size() > 1 && bases_.back().first > time) bases_.pop_back();
        const Timestamp from = bases_.back().first;
        run_ = bases_.back().second;
        last_ = from;
        shown_.clear();
        std::vector<rule::Fired> happened;
        std::ranges::copy_if(fired_, std::back_inserter(happened),
                             [&](const rule::Fired& f) { return f.time >= from; });
        run_.impose(happened);
        std::multimap<Timestamp, std::pair<Ticker, std::optional<Price>>> entries;
        for (const Ticker ticker : tickers_) {
            for (const auto& entry : recent_.of(ticker)) {
                if (entry.time >= from) {
                    entries.emplace(entry.time, std::pair(ticker, entry.price));
                } else {
                    shown_[ticker] = entry.price;
                }
            }
        }
        std::vector<RuleStep> out;
        for (const auto& [at, entry] : entries) give(entry.first, at, entry.second, out);
        pass(timed_until_, out);
        return out;
    }
    std::vector<RuleStep> amend(const ActiveAlert& row) {
        rule::Steps ignored, steps;
        const auto muted_until = run_.muted_until();
        for (auto& [from, base] : bases_) base.amend(*row.ruled, from, ignored);
        run_.amend(*row.ruled, last_, steps);
        alert_ = row;
        std::vector<RuleStep> out;
        take(steps, std::nullopt, muted_until, out);
        return out;
    }
    RuleStep expiry() const { return {shown(Timestamp{}), expiry_of(alert_, run_)}; }

private:
    void give(Ticker ticker, Timestamp time, const std::optional<Price>& price, std::vector<RuleStep>& out) {
        if (time > last_ && time - bases_.back().first >= base_every) {
            // A copy is made after the timers that are due, or a late price would make them end again.
            pass(time - Duration{1}, out);
            bases_.emplace_back(time, run_);
            while (bases_.size() > 1 && bases_[1].first <= time - RecentPrices::longest) bases_.pop_front();
            std::erase_if(fired_, [&](const rule::Fired& f) { return f.time < bases_.front().first; });
            std::erase_if(noted_, [&](const auto& n) { return n.first < bases_.front().first; });
        }
        last_ = time;
        rule::Steps steps;
        const auto muted_until = run_.muted_until();
        run_.value(ticker, time, price ? std::optional(price->value) : std::nullopt, steps);
        take(steps, price, muted_until, out);
        shown_[ticker] = price;
    }
    void pass(Timestamp until, std::vector<RuleStep>& out) {
        if (until <= last_) return;
        last_ = until;
        rule::Steps steps;
        const auto muted_until = run_.muted_until();
        run_.time(until, steps);
        take(steps, std::nullopt, muted_until, out);
    }
    // `price`: the one that was given, if one was.
    void take(const rule::Steps& steps, const std::optional<Price>& price,
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
    Price shown(Timestamp time) const {
        const auto found = shown_.find(alert_.ticker);
        if (found != shown_.end() && found->second) return *found->second;
        return {alert_.ticker, {}, time, 0};
    }

    ActiveAlert alert_;
    const RecentPrices& recent_;
    std::set<Ticker> tickers_;
    rule::Run run_;
    Timestamp last_ = Timestamp{};         // until when the run was given prices, or time
    Timestamp timed_until_ = Timestamp{};  // on_time()
    std::map<Ticker, std::optional<Price>> shown_;
    std::deque<std::pair<Timestamp, rule::Run>>
        bases_;  // as of before everything of that time; the first is the oldest
    // Since the oldest of them.
    std::vector<rule::Fired> fired_;
    std::vector<std::pair<Timestamp, std::vector<RuleState>>> noted_;
};

class NaiveEngine final : public RuleEngine {
public:
    NaiveEngine(const RecentPrices& recent, Take take) : recent_(recent), take_(std::move(take)) {}

    std::vector<PastNeed> needs(const ActiveAlert& alert, Timestamp now) const override {
        return past_needs(alert, recent_, now);
    }
    void add(const ActiveAlert& alert, std::span<const std::shared_ptr<const LinePast>> pasts) override {
        remove(alert.id);
        Kept& kept = alerts_.try_emplace(alert.id, Judged(alert, recent_)).first->second;
        for (const Ticker& ticker : kept.judged.tickers())
            by_ticker_.emplace(std::pair(ticker, alert.id), &kept);
        hand_over(kept.judged.begin(pasts));
        if (until_) hand_over(kept.judged.time(*until_));
        settle(kept);
    }
    void update(const ActiveAlert& alert) override {
        const auto found = alerts_.find(alert.id);
        if (found == alerts_.end()) return;
        hand_over(found->second.judged.amend(alert));
        settle(found->second);
    }
    bool remove(const Uuid& id) override {
        const auto found = alerts_.find(id);
        if (found == alerts_.end()) return false;
        Kept& kept = found->second;
        for (const Ticker& ticker : kept.judged.tickers()) by_ticker_.erase({ticker, id});
        place(kept, kept.wait, std::nullopt, by_wait_);
        place(kept, kept.expiry, std::nullopt, by_expiry_);
        alerts_.erase(found);
        return true;
    }
    const AlertState* state(const Uuid& id) const override {
        const auto found = alerts_.find(id);
        return found == alerts_.end() ? nullptr : &found->second.judged.run().state();
    }
    std::size_t size() const override { return alerts_.size(); }
    std::vector<Uuid> ids() const override {
        std::vector<Uuid> out;
        for (const auto& [id, kept] : alerts_) out.push_back(id);
        return out;
    }

    void on_price(const Price& price) override {
        each(watching(price.ticker),
             [&](Judged& judged) { return judged.value(price.ticker, price.time, price); });
    }
    void on_gone(const PriceGone& gone) override {
        each(watching(gone.ticker),
             [&](Judged& judged) { return judged.value(gone.ticker, gone.time, std::nullopt); });
    }
    void on_late(Ticker ticker, Timestamp time) override {
        each(watching(ticker), [&](Judged& judged) { return judged.replay(time); });
    }
    void on_time(Timestamp until) override {
        if (until_ && until <= *until_) return;
        until_ = until;
        each(due(by_wait_, until), [&](Judged& judged) { return judged.time(until); });
    }
    std::optional<Timestamp> next_time() const override { return first(by_wait_); }
    void expire(Timestamp until) override {
        for (Kept* kept : due(by_expiry_, until)) {
            hand_over(kept->judged.time(*kept->expiry));
            if (!kept->judged.run().has_ended()) take_(kept->judged.expiry());
            remove(kept->judged.alert().id);
        }
    }
    std::optional<Timestamp> next_expiry() const override { return first(by_expiry_); }

private:
    // An alert, and the times by which it is found.
    struct Kept {
        explicit Kept(Judged judged_) : judged(std::move(judged_)) {}
        Judged judged;
        std::optional<Timestamp> wait = {}, expiry = {};
    };
    template <typename Key>
    using Index = std::map<std::pair<Key, Uuid>, Kept*>;
    using Times = Index<Timestamp>;

    std::vector<Kept*> watching(const Ticker& ticker) const {
        std::vector<Kept*> out;
        for (auto at = by_ticker_.lower_bound({ticker, Uuid{}});
             at != by_ticker_.end() && at->first.first == ticker; ++at)
            out.push_back(at->second);
        return out;
    }
    // In the order of ids, as in watching().
    static std::vector<Kept*> due(const Times& times, Timestamp until) {
        std::vector<Kept*> out;
        for (auto at = times.begin(); at != times.end() && at->first.first <= until; ++at)
            out.push_back(at->second);
        std::ranges::sort(out, {}, [](const Kept* kept) { return kept->judged.alert().id; });
        return out;
    }
    static std::optional<Timestamp> first(const Times& times) {
        return times.empty() ? std::nullopt : std::optional(times.begin()->first.first);
    }
    template <typename F>
    void each(const std::vector<Kept*>& some, F&& steps_of) {
        for (Kept* kept : some) {
            hand_over(steps_of(kept->judged));
            settle(*kept);
        }
    }
    // After each change of an alert.
    void settle(Kept& kept) {
        const rule::Run& run = kept.judged.run();
        if (run.has_ended()) {
            remove(kept.judged.alert().id);
            return;
        }
        place(kept, kept.wait, run.next_time(), by_wait_);
        place(kept, kept.expiry, run.state().expires_at, by_expiry_);
    }
    static void place(Kept& kept, std::optional<Timestamp>& at, std::optional<Timestamp> now, Times& times) {
        if (at == now) return;
        const Uuid& id = kept.judged.alert().id;
        if (at) times.erase({*at, id});
        if (now) times.emplace(std::pair(*now, id), &kept);
        at = now;
    }
    void hand_over(std::vector<RuleStep> steps) {
        for (RuleStep& step : steps) take_(std::move(step));
    }

    const RecentPrices& recent_;
    const Take take_;
    std::map<Uuid, Kept> alerts_;
    Index<Ticker> by_ticker_;
    Times by_wait_, by_expiry_;
    std::optional<Timestamp> until_;
};

}  // namespace

std::unique_ptr<RuleEngine> create_naive_engine(const RecentPrices& recent, RuleEngine::Take take) {
    return std::make_unique<NaiveEngine>(recent, std::move(take));
}

std::unique_ptr<RuleEngine> create_rule_engine(const RecentPrices& recent, RuleEngine::Take take) {
    return create_naive_engine(recent, std::move(take));
}

}  // namespace pricewire::alert
