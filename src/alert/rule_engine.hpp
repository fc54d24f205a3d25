#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "alert/recent_prices.hpp"
#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/stretch.hpp"

namespace pricewire::alert {

// What an alert with terms did. `price` is the one that caused it; at the end of a wait, the one in effect, whose value
// is 0 if there is none.
struct RuleStep {
    Price price;
    // The ids of deliveries are set by whoever takes the step; of an expiry only where one is set already, to any
    // value.
    std::variant<RuledFiring, StateNote, Expiry> what;
};

// A ticker's past: stretches in order of time, the newest of which may overlap what RecentPrices knows.
struct LinePast {
    Ticker ticker;
    Timestamp from;  // of what was before, the last stretch is known
    std::vector<Stretch> stretches;
};

// A past that is asked for.
struct PastNeed {
    Ticker ticker;
    Timestamp from;
    friend bool operator==(const PastNeed&, const PastNeed&) = default;
};

// Judges the alerts with terms. The outcome is that of the order of times, whatever the order in which prices and alerts
// come, as far as RecentPrices reaches back; but what has fired stays fired. Pure; owned by one thread.
//
// The owner keeps the RecentPrices that an engine is made with, and adds each price and each gap to it before it calls
// the engine.
class RuleEngine {
public:
    using Take = std::function<void(RuleStep)>;

    virtual ~RuleEngine() = default;

    // The past that add() needs for this alert at `now`; at most one for each ticker. Empty: what the engine and
    // RecentPrices hold is enough.
    virtual std::vector<PastNeed> needs(const ActiveAlert& alert, Timestamp now) const = 0;

    // Adds an alert, or replaces the one with this id: the state in its row counts, not the one known here. One
    // that has not begun (no RuleState) begins at begun_at. It is judged by the recent prices since its start, or since
    // RuleState::as_of, and then by those that come. `pasts`: what it needs.
    virtual void add(const ActiveAlert& alert, std::span<const std::shared_ptr<const LinePast>> pasts) = 0;
    // Takes what an edit changes without a new start: repeat, snoozed_until, expires_at, notify_on_expiry. The rest of the
    // state stays as it is here. Nothing if it is not known.
    virtual void update(const ActiveAlert& alert) = 0;
    // False if it is not known. One that has fired for the last time, or has expired, is removed by itself.
    virtual bool remove(const Uuid& id) = 0;
    // As far as it was judged; null if it is not known. Valid until the next call.
    virtual const AlertState* state(const Uuid& id) const = 0;
    virtual std::size_t size() const = 0;
    virtual std::vector<Uuid> ids() const = 0;  // in any order

    // RecentPrices::begin_blind() was called.
    virtual void on_blind() = 0;
    // The newest price of its ticker, or its end. For alerts that watch the ticker, what time decides until then comes
    // first, as in on_time().
    virtual void on_price(const Price& price) = 0;
    virtual void on_gone(const PriceGone& gone) = 0;
    // RecentPrices has taken one of the ticker, or its end, that is older than its newest.
    virtual void on_late(Ticker ticker, Timestamp time) = 0;
    // Every price made before `until` was judged, as far as is known: holds and mutes that ended by then end, alerts
    // that were to begin by then begin. A time that is not later than the last one changes nothing.
    virtual void on_time(Timestamp until) = 0;
    // The earliest `until` for which on_time() would do something; nullopt: none.
    virtual std::optional<Timestamp> next_time() const = 0;
    // Every price made before `until` was judged, for certain: alerts that expired by then are reported and removed.
    // Until then a late price may still fire them, but nothing made at expires_at or later.
    virtual void expire(Timestamp until) = 0;
    virtual std::optional<Timestamp> next_expiry() const = 0;
};

// `take` is called within members that are not const, in the order of steps, and must not call the engine. `recent`
// outlives it.
std::unique_ptr<RuleEngine> create_rule_engine(const RecentPrices& recent, RuleEngine::Take take);

}  // namespace pricewire::alert
