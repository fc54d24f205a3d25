#include "alert/live_alerts.hpp"

#include <algorithm>

#include "alert/firing_of.hpp"

namespace pricewire::alert {
namespace {

std::optional<Timestamp> first(const auto& times) {
    return times.empty() ? std::nullopt : std::optional(times.begin()->first.first);
}

}  // namespace

std::vector<PastNeed> LiveAlerts::needs(const ActiveAlert& alert, Timestamp now) const {
    return past_needs(alert, recent_, now);
}

LiveAlerts::Kept& LiveAlerts::keep(Judged judged) {
    const Uuid id = judged.alert().id;
    remove(id);
    Kept& kept = alerts_.try_emplace(id, std::move(judged)).first->second;
    for (const Ticker& ticker : tickers_of(*kept.judged.alert().ruled->terms))
        by_ticker_.emplace(std::pair(ticker, id), &kept);
    return kept;
}

void LiveAlerts::add(const ActiveAlert& alert, std::span<const std::shared_ptr<const LinePast>> pasts) {
    Kept& kept = keep(Judged(alert, recent_));
    hand_over(kept.judged.begin(pasts));
    settle(kept);
}

void LiveAlerts::wake(Judged judged, Timestamp time) {
    Kept& kept = keep(std::move(judged));
    hand_over(kept.judged.replay(time));
    settle(kept);
}

void LiveAlerts::update(const ActiveAlert& alert) {
    const auto found = alerts_.find(alert.id);
    if (found == alerts_.end()) return;
    hand_over(found->second.judged.amend(alert, until_.value_or(Timestamp::min())));
    settle(found->second);
}

bool LiveAlerts::remove(const Uuid& id) {
    const auto found = alerts_.find(id);
    if (found == alerts_.end()) return false;
    forget(id, found->second);
    alerts_.erase(found);
    return true;
}

Judged LiveAlerts::take(const Uuid& id) {
    const auto found = alerts_.find(id);
    forget(id, found->second);
    Judged judged = std::move(found->second.judged);
    alerts_.erase(found);
    return judged;
}

void LiveAlerts::forget(const Uuid& id, Kept& kept) {
    for (const Ticker& ticker : tickers_of(*kept.judged.alert().ruled->terms)) by_ticker_.erase({ticker, id});
    place(kept, kept.wait, std::nullopt, by_wait_);
    place(kept, kept.expiry, std::nullopt, by_expiry_);
}

bool LiveAlerts::watch_ratio(const Ticker& ticker, const Ticker& other) const {
    const auto is_it = [&](const Rule& rule) {
        return rule.watched == Watched::ratio && rule.ticker == ticker && rule.other == other;
    };
    return std::ranges::any_of(watching(ticker), [&](const Kept* kept) {
        return std::ranges::any_of(kept->judged.alert().ruled->terms->rules, is_it);
    });
}

const Judged* LiveAlerts::find(const Uuid& id) const {
    const auto found = alerts_.find(id);
    return found == alerts_.end() ? nullptr : &found->second.judged;
}

const AlertState* LiveAlerts::state(const Uuid& id) const {
    const Judged* judged = find(id);
    return judged == nullptr ? nullptr : &judged->run().state();
}

std::vector<Uuid> LiveAlerts::ids() const {
    std::vector<Uuid> out;
    for (const auto& [id, kept] : alerts_) out.push_back(id);
    return out;
}

void LiveAlerts::on_blind() {
    for (auto& [id, kept] : alerts_) kept.judged.begin_blind();
}
void LiveAlerts::on_price(const Price& price) {
    each(watching(price.ticker),
         [&](Judged& judged) { return judged.value(price.ticker, price.time, price); });
}
void LiveAlerts::on_gone(const PriceGone& gone) {
    each(watching(gone.ticker),
         [&](Judged& judged) { return judged.value(gone.ticker, gone.time, std::nullopt); });
}
void LiveAlerts::on_late(Ticker ticker, Timestamp time) {
    each(watching(ticker), [&](Judged& judged) { return judged.replay(time); });
}

void LiveAlerts::on_time(Timestamp until) {
    if (until_ && until <= *until_) return;
    until_ = until;
    if (by_wait_.empty() || by_wait_.begin()->first.first > until) return;
    each(due(by_wait_, until), [&](Judged& judged) { return judged.time(until); });
}
std::optional<Timestamp> LiveAlerts::next_time() const {
    return first(by_wait_);
}

void LiveAlerts::expire(Timestamp until) {
    for (Kept* kept : due(by_expiry_, until)) {
        hand_over(kept->judged.time(*kept->expiry));
        if (!kept->judged.run().has_ended()) take_(kept->judged.expiry());
        remove(kept->judged.alert().id);
    }
}
std::optional<Timestamp> LiveAlerts::next_expiry() const {
    return first(by_expiry_);
}

std::vector<LiveAlerts::Kept*> LiveAlerts::watching(const Ticker& ticker) const {
    std::vector<Kept*> out;
    for (auto at = by_ticker_.lower_bound({ticker, Uuid{}});
         at != by_ticker_.end() && at->first.first == ticker; ++at)
        out.push_back(at->second);
    return out;
}

// In the order of ids, as in watching().
std::vector<LiveAlerts::Kept*> LiveAlerts::due(const Times& times, Timestamp until) {
    std::vector<Kept*> out;
    for (auto at = times.begin(); at != times.end() && at->first.first <= until; ++at)
        out.push_back(at->second);
    std::ranges::sort(out, {}, [](const Kept* kept) { return kept->judged.alert().id; });
    return out;
}

void LiveAlerts::each(const std::vector<Kept*>& some,
                      const std::function<std::vector<RuleStep>(Judged&)>& steps_of) {
    for (Kept* kept : some) {
        hand_over(steps_of(kept->judged));
        settle(*kept);
    }
}

// After each change of an alert. What a late price has made due may be over already.
void LiveAlerts::settle(Kept& kept) {
    const rule::Run& run = kept.judged.run();
    if (const auto due = run.next_time(); due && until_ && *due <= *until_)
        hand_over(kept.judged.time(*until_));
    if (run.has_ended()) {
        remove(kept.judged.alert().id);
        return;
    }
    place(kept, kept.wait, run.next_time(), by_wait_);
    place(kept, kept.expiry, run.state().expires_at, by_expiry_);
}

void LiveAlerts::place(Kept& kept, std::optional<Timestamp>& at, std::optional<Timestamp> now, Times& times) {
    if (at == now) return;
    const Uuid& id = kept.judged.alert().id;
    if (at) times.erase({*at, id});
    if (now) times.emplace(std::pair(*now, id), &kept);
    at = now;
}

void LiveAlerts::hand_over(std::vector<RuleStep> steps) {
    for (RuleStep& step : steps) take_(std::move(step));
}

}  // namespace pricewire::alert
