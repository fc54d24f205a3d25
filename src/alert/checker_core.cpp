#include "alert/checker_core.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/uuid_time.hpp"

// What each message does
//
// message         replaying                                     following
// --------------  --------------------------------------------  --------------------------------------------
// price, newest   the ticker's held price was in effect until   matched; if it came late, alerts made after it
// of its ticker   now: matched as past; this one is held        wait for the next price, or for a second;
//                                                               early ones are judged again
// price, older    matched as past                               matched as past
// price gone      the held price is matched as past             alerts that wait, but early ones, are judged again
// sign of life    nothing                                       early alerts that waited for it are judged
// alert created   waits for the end of the replay               judged by the recent prices, else added; early if
//                                                               that takes a sign of life
// alert deleted   removed wherever it is                        removed
// alert changed   its row is compared with what is known: see ruled_alerts.cpp
// snapshot        replaces the alerts; those that were not      replaces the alerts; those that were not
//                 known wait as created ones do                 known are treated as created
// behind          nothing                                       → replaying, and so do alerts that wait
// caught up       → following, unless in the first batch        nothing
// end of a batch  → following, unless behind                    nothing
// after this      waits                                         calls `done`, unless changes are unheard or a
//                                                               snapshot is due: then it waits
//
// Alerts with terms see every price at once, in both phases; what time decides for them waits for signs of life (PriceClock),
// and their beginning is one such thing, so that a past price does not fire those made after it. One that needs a past
// waits for it, and delays what is to be reported as done.
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
//
// While following, the newest price is taken to be in effect, and one that comes late may be over: a feed that was
// without CPU or network hands over what it missed in one go, the oldest first. Alerts made after such a price
// are in doubt until the next one says how long it was in effect, or until none has come for a while.
//
// A connection to the bus that hangs hands over nothing, while alerts are still made. An early alert, made after the
// last sign of life of a feed, is fired by the newest price once a later sign tells that no other price came between.

namespace pricewire::alert {
namespace {

// A price that is older than this when it comes is late.
constexpr Duration late_after = std::chrono::milliseconds{250};
constexpr Duration doubt_for = std::chrono::seconds{1};

}  // namespace

// Snapshots.

void CheckerCore::on_snapshot_piece(std::span<const ActiveAlert> alerts) {
    const auto has_terms = [](const ActiveAlert& alert) { return alert.ruled != nullptr; };
    if (phase_ == Phase::loading && std::ranges::none_of(alerts, has_terms)) return fresh_->load(alerts);
    std::vector<ActiveAlert> known;
    for (const ActiveAlert& alert : alerts) {
        if (alert.ruled) {
            fresh_ruled_.push_back(alert);
        } else {
            (phase_ == Phase::loading || matcher_->contains(alert.id) ? known : unknown_).push_back(alert);
        }
    }
    fresh_->load(known);
}

void CheckerCore::on_snapshot(Timestamp now) {
    failures_ = 0;
    load_at_.reset();
    unheard_ = false;
    matcher_ = std::exchange(fresh_, std::make_unique<Matcher>());
    asleep_.clear();
    // Among those that were not known.
    for (auto& [ticker, doubt] : doubts_) doubt.alerts.clear();
    early_ = {};
    ruled_.on_snapshot(std::exchange(fresh_ruled_, {}), now);
    const auto unknown = std::exchange(unknown_, {});
    if (phase_ == Phase::following) {
        add(unknown, now);
    } else {
        for (const ActiveAlert& alert : unknown) created_.add(alert);
    }
    if (phase_ == Phase::loading) phase_ = Phase::replaying;
    call_done();
}

int CheckerCore::on_snapshot_failed(MonoTime now) {
    fresh_ = std::make_unique<Matcher>();
    unknown_.clear();
    fresh_ruled_.clear();
    load_at_ = now + load_retry_.equal_jitter(++failures_, rng_);
    return failures_;
}

// Prices.

void CheckerCore::on_price(const Price& price, Timestamp now) {
    if (const auto ceased = recent_.add(price, now)) {
        match_past(price, *ceased, now);
        if (!recent_.is_repetition(price.ticker, std::min(price.time, now)))
            ruled_.on_late(price.ticker, price.time, now);
        return;
    }
    if (phase_ == Phase::following) {
        match_newest(price, now);
    } else {
        match_held(price.ticker, price.time, now);
        held_.emplace(price.ticker, price);
    }
    ruled_.on_price(price, now);
}

void CheckerCore::on_heard(std::string_view feed, Timestamp heard, Timestamp now) {
    ruled_.on_heard(feed, heard, now);
    end_early_by_signs(now);
}

void CheckerCore::on_price_gone(const PriceGone& gone, Timestamp now) {
    if (recent_.add(gone, now)) return ruled_.on_late(gone.ticker, gone.time, now);
    match_held(gone.ticker, gone.time, now);
    end_doubt(gone.ticker, now);
    ruled_.on_gone(gone, now);
}

void CheckerCore::match_newest(const Price& price, Timestamp now) {
    // What the price before left in doubt is judged again, by both.
    const auto before = doubts_.extract(price.ticker);
    if (now - price.time > late_after) {
        Doubt& doubt = doubts_[price.ticker];
        doubt = {price.time, price.sequence, now + doubt_for,
                 matcher_->take_younger(price.ticker, price.value, price.time)};
    }
    match(price, now);
    if (!before.empty()) add(before.mapped().alerts, now);
    end_early(early_.take(price.ticker), false, now);
}

bool CheckerCore::is_doubtful(const Price& price) const {
    const auto doubt = doubts_.find(price.ticker);
    return doubt != doubts_.end() && doubt->second.price_time == price.time &&
           doubt->second.sequence == price.sequence;
}

void CheckerCore::end_doubt(Ticker ticker, Timestamp now) {
    const auto ended = doubts_.extract(ticker);
    if (!ended.empty()) add(ended.mapped().alerts, now);
    call_done();
}

void CheckerCore::end_early(std::vector<ActiveAlert> alerts, bool is_told, Timestamp now) {
    if (alerts.empty()) return;
    add(alerts, now, is_told);
    call_done();
}

void CheckerCore::end_early_by_signs(Timestamp now) {
    const auto is_given = [&](Timestamp sign) { return ruled_.clock().is_given(sign, now); };
    end_early(early_.take_told(is_given), true, now);
}

bool CheckerCore::any_in_doubt() const {
    return std::ranges::any_of(doubts_, [](const auto& doubt) { return !doubt.second.alerts.empty(); });
}

bool CheckerCore::is_in_doubt(const Uuid& id) const {
    return early_.contains(id) || std::ranges::any_of(doubts_, [&](const auto& doubt) {
               return std::ranges::find(doubt.second.alerts, id, &ActiveAlert::id) !=
                      doubt.second.alerts.end();
           });
}

std::optional<Timestamp> CheckerCore::next_time(Timestamp now) const {
    std::optional<Timestamp> next = ruled_.next_time(now);
    for (const auto& [ticker, doubt] : doubts_) next = std::min(next.value_or(doubt.until), doubt.until);
    if (!early_.empty()) {
        const Timestamp at = ruled_.clock().certain_reaches(Timestamp::min());
        next = std::min(next.value_or(at), at);
    }
    return next;
}

void CheckerCore::on_time(Timestamp now) {
    std::vector<Ticker> over;
    for (const auto& [ticker, doubt] : doubts_) {
        // The second condition: the clock was set back.
        if (doubt.until <= now || doubt.until > now + doubt_for) over.push_back(ticker);
    }
    for (const Ticker ticker : over) end_doubt(ticker, now);
    ruled_.on_time(now);
    end_early_by_signs(now);
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
    if (change.kind == AlertChange::Kind::deleted || alert.ruled) remove_plain(alert.id);
    if (change.kind == AlertChange::Kind::deleted) {
        ruled_.remove(alert.id);
    } else if (alert.ruled) {
        ruled_.on_row(alert, now);
    } else {
        on_alerts_came({&alert, 1}, now);
    }
}

void CheckerCore::on_alerts_came(std::span<const ActiveAlert> alerts, Timestamp now) {
    std::vector<ActiveAlert> plain;
    for (const ActiveAlert& alert : alerts) {
        if (alert.ruled) {
            on_alert_change({AlertChange::Kind::created, alert}, now);
        } else if (!is_known(alert.id)) {
            plain.push_back(alert);
        }
    }
    if (phase_ == Phase::replaying) {
        for (const ActiveAlert& alert : plain) created_.add(alert);
    } else {
        add(plain, now);
    }
}

// The snapshot contained it, or it has come before.
bool CheckerCore::is_known(const Uuid& id) {
    return matcher_->contains(id) || sleeper_of(id) != asleep_.end() || created_.contains(id) ||
           is_in_doubt(id);
}

void CheckerCore::remove_plain(const Uuid& id) {
    matcher_->remove(id);
    if (const auto sleeper = sleeper_of(id); sleeper != asleep_.end()) asleep_.erase(sleeper);
    created_.remove(id);
    for (auto& [ticker, doubt] : doubts_)
        std::erase_if(doubt.alerts, [&](const ActiveAlert& waiting) { return waiting.id == id; });
    early_.remove(id);
}

void CheckerCore::on_past(const std::shared_ptr<const LinePast>& past, Timestamp now) {
    ruled_.on_past(past, now);
    call_done();
}

std::optional<Timestamp> CheckerCore::sign_for(const ActiveAlert& alert, Timestamp now) const {
    // What is of the same millisecond counts as younger.
    const Timestamp made = made_from(alert.id);
    const bool is_followed = recent_.of(alert.ticker).back().time >= made;
    return is_followed ? std::nullopt : ruled_.clock().sign_for(made, now);
}

// Those fired by the same recent price are handed over together.
void CheckerCore::add(std::span<const ActiveAlert> alerts, Timestamp now, bool is_told) {
    std::map<std::tuple<Timestamp, std::uint64_t, Ticker>, std::pair<Price, std::vector<Uuid>>> fired;
    std::vector<ActiveAlert> waiting;
    for (const ActiveAlert& alert : alerts) {
        const auto price = recent_.first_since(alert, made_at(alert.id));
        if (price && is_doubtful(*price) && made_at(alert.id) >= price->time) {
            doubts_[alert.ticker].alerts.push_back(alert);
        } else if (const auto sign = price && !is_told ? sign_for(alert, now) : std::nullopt) {
            early_.add(*sign, alert);
        } else if (price) {
            auto& group = fired[{price->time, price->sequence, price->ticker}];
            group.first = *price;
            group.second.push_back(alert.id);
        } else {
            waiting.push_back(alert);
        }
    }
    matcher_->load(waiting);
    for (auto& [when, group] : fired) {
        fired_.swap(group.second);
        hand_over(group.first, now);
    }
}

// Phases.

void CheckerCore::on_behind() {
    behind_ = true;
    phase_ = Phase::replaying;
    ruled_.replay();
    for (auto& [ticker, doubt] : std::exchange(doubts_, {})) {
        for (const ActiveAlert& alert : doubt.alerts) created_.add(alert);
    }
    for (const ActiveAlert& alert : early_.take_all()) created_.add(alert);
}

void CheckerCore::on_caught_up(Timestamp now) {
    behind_ = false;
    if (!first_batch_) follow(now);
}

void CheckerCore::on_batch_end(Timestamp now) {
    first_batch_ = false;
    if (!behind_) follow(now);
    on_time(now);
}

// The last price of each ticker is still in effect, as far as is known.
void CheckerCore::follow(Timestamp now) {
    if (std::exchange(phase_, Phase::following) == Phase::following) return;
    ruled_.follow(now);
    wake_those_made_before(Timestamp::max());
    for (const auto& [ticker, price] : std::exchange(held_, {})) match_newest(price, now);
    add(created_.take_all(), now);
    call_done();
}

void CheckerCore::after_this(std::function<void()> done) {
    if (done_ && is_behind_early()) {
        done_next_ = std::move(done);
    } else {
        done_ = std::move(done);
        done_behind_ = early_.last_sign();
    }
    call_done();
}

void CheckerCore::call_done() {
    while (done_ && may_report()) {
        const auto done = std::exchange(done_, std::exchange(done_next_, {}));
        done_behind_ = early_.last_sign();
        done();
    }
}

bool CheckerCore::may_report() const {
    return phase_ == Phase::following && !unheard_ && !load_at_ && !any_in_doubt() && !ruled_.any_waits() &&
           !is_behind_early();
}

bool CheckerCore::is_behind_early() const {
    return done_behind_ && early_.any_until(*done_behind_);
}

}  // namespace pricewire::alert
