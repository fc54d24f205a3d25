#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "domain/alert.hpp"

namespace pricewire::alert {

struct CheckerOptions {
    // Loads one consistent snapshot of the active alerts, in pieces; called on the checker's thread, again
    // after it has thrown, and after on_alerts_missed(). Changes after the snapshot must already be on their
    // way to on_alert_change().
    std::function<void(const std::function<void(std::span<const ActiveAlert>)>&)> load;
    // Gets what a price has fired, in order, on the checker's thread.
    std::function<void(FiringGroup)> fire;
    BackoffPolicy load_retry{std::chrono::milliseconds{200}, std::chrono::seconds{10}};
};

// The checker's thread, which owns the matcher. Prices and alert changes come in through one mailbox and are
// handled in the order of their arrival. Until the snapshot is loaded they wait there.
//
// Prices and alerts may come by different ways, one later than the other, so their order of arrival does not
// decide what fires. An alert is judged by the price in effect when it was made and by every price since:
// - one that is heard of after prices that followed its making is judged by those (RecentPrices);
// - a price of the past does not fire alerts made after it had ceased to be in effect. Of the past is what
//   comes between on_behind() and on_caught_up(), what waited for the snapshot, and a price that is older
//   than another feed's which came before it. To know when one ceased, the last of each ticker waits for the
//   next while more of the past is to come.
class Checker {
public:
    virtual ~Checker() = default;  // as stop()

    // Any thread; they wait only where the checker is a million messages behind.
    virtual void on_price(const Price& price) = 0;
    virtual void on_price_gone(const PriceGone& gone) = 0;
    virtual void on_alert_change(const AlertChange& change) = 0;
    // Prices from here on were made in the past, until on_caught_up().
    virtual void on_behind() = 0;
    virtual void on_caught_up() = 0;
    // Changes are not heard of any more, until on_alerts_missed(): what is handled from here on is not called
    // done.
    virtual void on_alerts_unheard() = 0;
    // Changes may have been missed: the snapshot is loaded anew. Meanwhile the alerts known so far are
    // watched.
    virtual void on_alerts_missed() = 0;
    // Calls `done` on the checker's thread when everything before it has been handled, with all the alerts of
    // that time, and its firings are handed over. Of several that wait for that only the last is called. Must
    // not throw.
    virtual void after_this(std::function<void()> done) = 0;

    // Any thread.
    virtual bool ready() const = 0;                 // the snapshot is loaded
    virtual std::size_t active_alerts() const = 0;  // as of the last batch
    virtual std::size_t backlog() const = 0;        // messages that wait in its mailbox
    // Handles what has arrived, hands over its firings and ends the thread.
    virtual void stop() = 0;
};

// `clock` outlives it and must run: the thread sleeps by it.
std::unique_ptr<Checker> start_checker(CheckerOptions options, const Clock& clock);

}  // namespace pricewire::alert
