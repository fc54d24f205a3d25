#include "alert/checker_core.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/uuid_time.hpp"

// What each message does
//
// message         replaying                                     following
// --------------  --------------------------------------------  --------------------------------------------
// price, newest   the ticker's held price was in effect until   matched
// of its ticker   now: matched as past; this one is held
// price, older    matched as past                               matched as past
// price gone      the held price is matched as past             nothing: RecentPrices has it
// alert created   waits for the end of the replay               judged by the recent prices, else added
// alert deleted   removed wherever it is                        removed
// snapshot        replaces the alerts; those that were not      replaces the alerts; those that were not
//                 known wait as created ones do                 known are treated as created
// behind          nothing                                       → replaying
// caught up       → following, unless in the first batch        nothing
// end of a batch  → following, unless behind                    nothing
// after this      waits                                         calls `done`, unless changes are unheard or a
//                                                               snapshot is due: then it waits
//
// In every phase, "changes unheard" and "alerts missed" delay what waits to be reported as done until the
// next snapshot, which "alerts missed" makes due. In Phase::loading only the first snapshot comes; its alerts
// all count as known, since the prices that waited are yet to be matched.
//
// From replaying to following: sleeping alerts are added again, the held prices are matched as present ones,
// then the alerts that waited are added, and what waits to be reported as done is called.
//
// Why a past price fires no alert created after it
//
// A price is in effect from its own time until the next price of its ticker, and an alert is judged by the
// prices in effect since it was created. So a price in effect until T fires only alerts created before T:
// take_younger() removes the others from the matcher for the moment. While replaying they stay out, asleep,
// until the prices reach their time; otherwise every past price would find them too young again. How long a
// price was in effect is known when the next one comes, which is why the last of each ticker is held.

namespace pricewire::alert {

// Snapshots.

void CheckerCore::on_snapshot_piece(std::span<const ActiveAlert> alerts) {
    if (phase_ == Phase::loading) return fresh_->load(alerts);
    std::vector<ActiveAlert> known;
    for (const ActiveAlert& alert : alerts) {
        (matcher_->contains(alert.id) ? known : unknown_).push_back(alert);
    }
    fresh_->load(known);
}

void CheckerCore::on_snapshot(Timestamp now) {
    failures_ = 0;
    load_at_.reset();
    unheard_ = false;
    matcher_ = std::exchange(fresh_, std::make_unique<Matcher>());
    asleep_.clear();
    const auto unknown = std::exchange(unknown_, {});
    if (phase_ == Phase::following) {
        add(unknown, now);
    } else {
        created_.insert(created_.end(), unknown.begin(), unknown.end());
    }
    if (phase_ == Phase::loading) phase_ = Phase::replaying;
    call_done();
}

int CheckerCore::on_snapshot_failed(MonoTime now) {
    fresh_ = std::make_unique<Matcher>();
    unknown_.clear();
    load_at_ = now + load_retry_.equal_jitter(++failures_, rng_);
    return failures_;
}

// Prices.

void CheckerCore::on_price(const Price& price, Timestamp now) {
    if (const auto ceased = recent_.add(price, now)) {
        match_past(price, *ceased, now);
    } else if (phase_ == Phase::following) {
        match(price, now);
    } else {
        match_held(price.ticker, price.time, now);
        held_.emplace(price.ticker, price);
    }
}

void CheckerCore::on_price_gone(const PriceGone& gone, Timestamp now) {
    if (!recent_.add(gone, now)) match_held(gone.ticker, gone.time, now);
}

void CheckerCore::match(const Price& price, Timestamp now) {
    fired_.clear();
    matcher_->on_price(price.ticker, price.value, fired_);
    if (!fired_.empty()) hand_over(price, now);
}

void CheckerCore::match_held(Ticker ticker, Timestamp until, Timestamp now) {
    const auto held = held_.find(ticker);
    if (held == held_.end()) return;
    match_past(held->second, until, now);
    held_.erase(held);
}

// The price was in effect until `until`.
void CheckerCore::match_past(const Price& price, Timestamp until, Timestamp now) {
    if (phase_ == Phase::replaying) wake_those_made_before(until);
    const auto younger = matcher_->take_younger(price.ticker, price.value, until);
    match(price, now);
    if (phase_ == Phase::replaying) {
        for (const ActiveAlert& alert : younger) asleep_.emplace(made_at(alert.id), alert);
    } else {
        matcher_->load(younger);
    }
}

void CheckerCore::wake_those_made_before(Timestamp moment) {
    const auto end = asleep_.lower_bound(moment);
    for (auto sleeper = asleep_.begin(); sleeper != end; ++sleeper) matcher_->load({&sleeper->second, 1});
    asleep_.erase(asleep_.begin(), end);
}

CheckerCore::Sleepers::iterator CheckerCore::sleeper_of(const Uuid& id) {
    const auto [first, last] = asleep_.equal_range(made_at(id));
    const auto found =
        std::find_if(first, last, [&](const auto& sleeper) { return sleeper.second.id == id; });
    return found == last ? asleep_.end() : found;
}

void CheckerCore::hand_over(const Price& price, Timestamp now) {
    FiringGroup group{price, now, {}};
    group.firings.reserve(fired_.size());
    for (const Uuid& id : fired_) group.firings.push_back({id, make_uuid(now)});
    fire_(std::move(group));
}

// Alerts.

void CheckerCore::on_alert_change(const AlertChange& change, Timestamp now) {
    const ActiveAlert& alert = change.alert;
    if (change.kind == AlertChange::Kind::deleted) {
        matcher_->remove(alert.id);
        if (const auto sleeper = sleeper_of(alert.id); sleeper != asleep_.end()) asleep_.erase(sleeper);
        std::erase_if(created_, [&](const ActiveAlert& waiting) { return waiting.id == alert.id; });
    } else if (matcher_->contains(alert.id) || sleeper_of(alert.id) != asleep_.end()) {
        // The snapshot contained it.
    } else if (phase_ == Phase::replaying) {
        created_.push_back(alert);
    } else {
        add({&alert, 1}, now);
    }
}

// Alerts that were not known. Those fired by the same recent price are handed over together.
void CheckerCore::add(std::span<const ActiveAlert> alerts, Timestamp now) {
    std::map<std::tuple<Timestamp, std::uint64_t, Ticker>, std::pair<Price, std::vector<Uuid>>> fired;
    for (const ActiveAlert& alert : alerts) {
        if (const auto price = recent_.first_since(alert, made_at(alert.id))) {
            auto& group = fired[{price->time, price->sequence, price->ticker}];
            group.first = *price;
            group.second.push_back(alert.id);
        } else {
            matcher_->load({&alert, 1});
        }
    }
    for (auto& [when, group] : fired) {
        fired_.swap(group.second);
        hand_over(group.first, now);
    }
}

// Phases.

void CheckerCore::on_behind() {
    behind_ = true;
    phase_ = Phase::replaying;
}

void CheckerCore::on_caught_up(Timestamp now) {
    behind_ = false;
    if (!first_batch_) follow(now);
}

void CheckerCore::on_batch_end(Timestamp now) {
    first_batch_ = false;
    if (!behind_) follow(now);
}

// The last price of each ticker is still in effect.
void CheckerCore::follow(Timestamp now) {
    if (std::exchange(phase_, Phase::following) == Phase::following) return;
    wake_those_made_before(Timestamp::max());
    for (const auto& [ticker, price] : std::exchange(held_, {})) match(price, now);
    add(std::exchange(created_, {}), now);
    call_done();
}

void CheckerCore::after_this(std::function<void()> done) {
    done_ = std::move(done);
    call_done();
}

void CheckerCore::call_done() {
    if (!done_ || phase_ != Phase::following || unheard_ || load_at_) return;
    std::exchange(done_, {})();
}

}  // namespace pricewire::alert
