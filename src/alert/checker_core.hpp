#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "alert/created_alerts.hpp"
#include "alert/early_alerts.hpp"
#include "alert/matcher.hpp"
#include "alert/recent_prices.hpp"
#include "alert/ruled_alerts.hpp"
#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "domain/alert.hpp"

namespace pricewire::alert {

// The checker without its thread: what each message does in which phase. The table is in checker_core.cpp,
// the meaning of the messages in checker.hpp. Pure: events come with the time, firings go to `fire`. Owned by
// one thread.
class CheckerCore {
public:
    // loading    no snapshot of the alerts yet; the owner holds back all messages
    // replaying  prices may be past ones: they waited for the snapshot, or the bus is behind
    // following  the newest price is the present one, unless it came late
    enum class Phase : std::uint8_t { loading, replaying, following };

    // Neither `uses` nor a function given to after_this() may call the core.
    CheckerCore(const RuledAlerts::Uses& uses, BackoffPolicy load_retry, Rng rng,
                const RuledAlerts::MakeEngine& make_engine = create_rule_engine)
        : fire_(uses.fire), load_retry_(load_retry), rng_(rng), ruled_(recent_, uses, make_engine) {}

    Phase phase() const { return phase_; }
    std::size_t active_alerts() const { return matcher_->size() + ruled_.size(); }

    // All alerts of the snapshot and all changes so far.
    bool knows_all() const { return phase_ != Phase::loading && !unheard_ && !load_at_; }
    // Comes before the first snapshot.
    void begin(JudgedBefore before) { ruled_.begin(std::move(before)); }
    // When to load the snapshot: at once in a new core. nullopt: not until alerts are missed.
    std::optional<MonoTime> load_at() const { return load_at_; }
    // A snapshot comes in pieces, then either is complete or has failed, with no other event in between.
    void on_snapshot_piece(std::span<const ActiveAlert> alerts);
    void on_snapshot(Timestamp now);
    // Drops the pieces and sets load_at(). Returns the number of failures in a row.
    int on_snapshot_failed(MonoTime now);

    // Not in Phase::loading.
    void on_price(const Price& price, Timestamp now);
    void on_price_gone(const PriceGone& gone, Timestamp now);
    void on_heard(std::string_view feed, Timestamp heard, Timestamp now);
    void on_alert_change(const AlertChange& change, Timestamp now);
    // Alerts of tickers that others held before, as if all were created now.
    void on_alerts_came(std::span<const ActiveAlert> alerts, Timestamp now);
    // Alerts that came were not judged by prices of the ticker before it; nullopt: by all that have come.
    std::optional<Timestamp> forgot_before(Ticker ticker) const { return recent_.forgot_before(ticker); }
    // What `read_past` has asked for.
    void on_past(const std::shared_ptr<const LinePast>& past, Timestamp now);
    // The row of an alert with terms that has passed over a firing; unset: it is not active.
    void on_passed_over(const PassedOver& firing, const std::optional<ActiveAlert>& row, Timestamp now) {
        ruled_.on_passed_over(firing, row, now);
    }
    void on_behind();
    void on_caught_up(Timestamp now);
    void on_alerts_unheard() { unheard_ = true; }
    void on_alerts_missed(MonoTime now) { load_at_ = now; }
    void after_this(std::function<void()> done);
    // After each batch of messages. The first batch is what waited for the snapshot.
    void on_batch_end(Timestamp now);
    // When to call on_time() at the latest; nullopt if nothing waits for it.
    std::optional<Timestamp> next_time(Timestamp now) const;
    void on_time(Timestamp now);

private:
    using Sleepers = std::multimap<Timestamp, ActiveAlert>;  // by when they were made
    // A price that came late and is the newest so far.
    struct Doubt {
        Timestamp price_time;
        std::uint64_t sequence = 0;
        Timestamp until;
        std::vector<ActiveAlert> alerts;  // made after it, and fired by it if it is not over
    };
    void match_newest(const Price& price, Timestamp now);
    bool is_doubtful(const Price& price) const;
    void end_doubt(Ticker ticker, Timestamp now);
    void end_early(std::vector<ActiveAlert> alerts, bool is_told, Timestamp now);
    void end_early_by_signs(Timestamp now);
    bool any_in_doubt() const;
    bool is_in_doubt(const Uuid& id) const;
    // Alerts that were not known. `is_told`: the newest price is known to have been in effect when they were made.
    void add(std::span<const ActiveAlert> alerts, Timestamp now, bool is_told = false);
    std::optional<Timestamp> sign_for(const ActiveAlert& alert, Timestamp now) const;
    bool is_known(const Uuid& id);
    void remove_plain(const Uuid& id);
    void follow(Timestamp now);
    void match(const Price& price, Timestamp now);
    void match_held(Ticker ticker, Timestamp until, Timestamp now);
    void match_past(const Price& price, Timestamp until, Timestamp now);
    Sleepers::iterator sleeper_of(const Uuid& id);
    void wake_those_made_before(Timestamp moment);
    void hand_over(const Price& price, Timestamp now);
    void call_done();
    bool may_report() const;
    bool is_behind_early() const;

    const std::function<void(FiringGroup)> fire_;
    const BackoffPolicy load_retry_;
    Rng rng_;
    Phase phase_ = Phase::loading;
    std::unique_ptr<Matcher> matcher_ = std::make_unique<Matcher>();
    RecentPrices recent_;
    RuledAlerts ruled_;
    std::vector<Uuid> fired_;  // by the price at hand
    // What waits to be called; the last sign that an early alert of before it waits for, since there may always be younger
    // ones; and the newest of what came since.
    std::function<void()> done_;
    std::optional<Timestamp> done_behind_;
    std::function<void()> done_next_;

    // A snapshot while it is being loaded: alerts that were known, and those that were not.
    std::unique_ptr<Matcher> fresh_ = std::make_unique<Matcher>();
    std::vector<ActiveAlert> unknown_;
    std::vector<ActiveAlert> fresh_ruled_;  // those with terms, known or not
    std::optional<MonoTime> load_at_ = MonoTime::min();
    int failures_ = 0;  // in a row
    bool unheard_ = false;

    // Reasons to replay; either is enough.
    bool first_batch_ = true;  // the messages at hand waited for the snapshot
    bool behind_ = false;      // the bus says so
    // While replaying: the last price of each ticker, not matched yet, and alerts that wait for the end.
    std::unordered_map<Ticker, Price> held_;
    CreatedAlerts created_;
    Sleepers asleep_;  // made later than the prices so far
    // While following.
    std::unordered_map<Ticker, Doubt> doubts_;
    EarlyAlerts early_;
};

}  // namespace pricewire::alert
