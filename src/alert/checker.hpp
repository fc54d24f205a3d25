#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "domain/alert.hpp"

namespace pricewire {

struct CheckerOptions {
    // Loads one consistent snapshot of the active alerts, in pieces; called on the checker's thread, again
    // after it has thrown. Changes after the snapshot must already be on their way to on_alert_change().
    std::function<void(const std::function<void(std::span<const ActiveAlert>)>&)> load;
    // Gets what a price has fired, in order, on the checker's thread.
    std::function<void(FiringGroup)> fire;
    BackoffPolicy load_retry{std::chrono::milliseconds{200}, std::chrono::seconds{10}};
};

// The checker's thread, which owns the matcher. Prices and alert changes come in through one mailbox and are
// handled in the order of their arrival. Until the snapshot is loaded they wait there.
class Checker {
public:
    virtual ~Checker() = default;  // as stop()

    // Any thread; they wait only where the checker is a million messages behind.
    virtual void on_price(const Price& price) = 0;
    virtual void on_price_gone(Ticker ticker) = 0;
    virtual void on_alert_change(const AlertChange& change) = 0;

    // Any thread.
    virtual bool ready() const = 0;                 // the snapshot is loaded
    virtual std::size_t active_alerts() const = 0;  // as of the last batch
    // Handles what has arrived, hands over its firings and ends the thread.
    virtual void stop() = 0;
};

// `clock` outlives it.
std::unique_ptr<Checker> start_checker(CheckerOptions options, const Clock& clock);

}  // namespace pricewire
