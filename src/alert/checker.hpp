#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alert/judged_before.hpp"
#include "alert/passed_over.hpp"
#include "alert/shard.hpp"
#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/heard.hpp"
#include "domain/stretch.hpp"

namespace pricewire::alert {

struct CheckerOptions {
    // Loads a consistent snapshot of the active alerts, in pieces. Called on the checker's thread: at the
    // start, after on_alerts_missed(), and again after it has thrown. Changes committed after the snapshot
    // must reach on_alert_change().
    std::function<void(const std::function<void(std::span<const ActiveAlert>)>&)> load;
    // Called before the first load, as that. May be empty.
    std::function<JudgedBefore()> before = {};
    // Receives the alerts that a price has fired, and what else alerts with terms do, in order, on the checker's thread.
    std::function<void(FiringGroup)> fire;
    // For alerts with terms, on a thread of their own; called again after they have thrown. What is known of a ticker's
    // past since about `from`, with gaps where no price was judged; and an alert's row, unset if it is not active.
    std::function<std::vector<Stretch>(Ticker, Timestamp from)> past = {};
    std::function<std::optional<ActiveAlert>(const Uuid&)> row = {};
    BackoffPolicy load_retry{std::chrono::milliseconds{200}, std::chrono::seconds{10}};

    // Where checkers divide tickers: the share to begin with. Then, to follow on_share(), on the checker's thread and called
    // again after they have thrown: the own tickers of active alerts, and the active alerts of some of them, in pieces.
    Share share = {};
    std::function<std::vector<Ticker>()> tickers = {};
    std::function<void(std::span<const Ticker>, const std::function<void(std::span<const ActiveAlert>)>&)>
        load_of = {};
    // On the checker's thread: prices of a ticker whose alerts came may have been judged by nobody in that time, since they
    // are not known any more. May be empty.
    std::function<void(Ticker, Timestamp from, Timestamp to)> missed = {};
};

// The checker's thread, which owns the matcher. Prices and alert changes come in through one mailbox and are
// handled in the order in which they arrive. They wait there until the snapshot is loaded.
//
// Prices and alerts come from different sources, either of which may be late, so their order of arrival does
// not decide what fires. An alert is judged by the price in effect when it was created and by every price
// since:
// - an alert that arrives after prices that followed its creation is judged by those (RecentPrices);
// - a past price does not fire alerts created after it was no longer in effect. Past prices are those between
//   on_behind() and on_caught_up(), those that waited for the snapshot, and a price that is older than one of
//   another feed that came before it. To know how long it was in effect, the last price of each ticker is
//   held until the next one while more past prices are to come.
// Of alerts with terms the same is true by other means: see rule_engine.hpp and price_clock.hpp.
class Checker {
public:
    virtual ~Checker() = default;  // as stop()

    // Any thread. They block only while a million messages are waiting.
    virtual void on_price(const Price& price) = 0;
    virtual void on_price_gone(const PriceGone& gone) = 0;
    virtual void on_alert_change(const AlertChange& change) = 0;
    // A feed's sign of life, in order with its prices.
    virtual void on_heard(std::string_view feed, const Heard& heard) = 0;
    // The alert's row knows more than this checker, which reads it.
    virtual void on_passed_over(const PassedOver& firing) = 0;
    // Prices from here on are past prices, until on_caught_up().
    virtual void on_behind() = 0;
    virtual void on_caught_up() = 0;
    // Changes are not received until on_alerts_missed(): what is handled meanwhile is not reported as done.
    virtual void on_alerts_unheard() = 0;
    // Changes may have been missed: the snapshot is reloaded. The alerts known so far are checked meanwhile.
    virtual void on_alerts_missed() = 0;
    // Calls `done` on the checker's thread once everything before it has been handled, with all the alerts of
    // that time, and its firings are handed over. Of several that wait only the last is called, but for one
    // that waits for a sign of life already. Must not throw.
    virtual void after_this(std::function<void()> done) = 0;
    // Alerts of other tickers are to be held from now on. Those that came are judged by recent prices as alerts that arrive
    // late are, so that nothing is missed that happened before they are loaded; until then, nothing is reported as done.
    virtual void on_share(Share share) = 0;

    // Any thread.
    // The view of the share that is held completely, with all changes so far; empty while that is not so.
    virtual std::string settled() const = 0;
    // Asks the thread for a sign of life, and returns how many there have been: none while it hangs, but one with each call
    // while it waits for the database or the outbox, whose deadlines are their own. One thread at a time; never blocks.
    virtual std::uint64_t signs_of_life() = 0;
    // It waits for the database or the outbox, or has not loaded the snapshot yet.
    virtual bool waits() const = 0;
    // The newest sign of life of a feed that was handled: what came before it was judged by what is held.
    virtual std::optional<Timestamp> heard() const = 0;
    virtual bool ready() const = 0;                 // the snapshot is loaded
    virtual std::size_t active_alerts() const = 0;  // as of the last batch of messages
    virtual std::size_t backlog() const = 0;        // messages waiting in the mailbox
    // Handles what has arrived, hands over its firings and ends the thread.
    virtual void stop() = 0;
};

// `clock` outlives it and must run: the thread sleeps by it.
std::unique_ptr<Checker> start_checker(CheckerOptions options, const Clock& clock);

}  // namespace pricewire::alert
