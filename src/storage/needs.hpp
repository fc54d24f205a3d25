#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "domain/market.hpp"
#include "domain/watch_state.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// How many active alerts wait for prices of a ticker.
struct TickerAlerts {
    Ticker ticker;
    std::size_t alerts = 0;
    friend bool operator==(const TickerAlerts&, const TickerAlerts&) = default;
};

// Which tickers are needed, as processes with an API tell feeds, and which of them cannot be watched, as feeds tell
// those. Part of Storage: see there for threads; writes survive kill -9, not a loss of power.
class Needs {
public:
    virtual ~Needs() = default;

    // Somebody looks at these (a chart, a rate, a stream): they are needed at least until then. The latest time given
    // for a ticker counts. Forgets tickers that have not been needed for a day, or that are needed until more than a
    // day from now: the clock was set back.
    virtual void need_tickers(std::span<const Ticker> tickers, Timestamp now, Timestamp until) = 0;
    // Those of active alerts and those of need_tickers() that are needed at `now`, by name. Takes one step in an index
    // per ticker, and per set of tickers that an alert watches besides its own, however many alerts there are.
    virtual std::vector<NeededTicker> needed_tickers(Timestamp now) = 0;
    // The tickers of a user's active alerts, by name; likewise.
    virtual std::vector<Ticker> alert_tickers(const Uuid& user_id) = 0;
    // How many active alerts of the user name each ticker, by name; one that names several counts for each.
    virtual std::vector<TickerAlerts> alert_counts(const Uuid& user_id) = 0;
    // How many active alerts name any of these tickers, of each ticker at most 100,000; one that names several of them may
    // count for each.
    virtual std::size_t count_alerts(std::span<const Ticker> tickers) = 0;

    // Stores these states, which keep the time since when they are so while `why` stays the same, and removes those of
    // the tickers `watched`.
    virtual void set_watch_states(std::span<const WatchState> unwatched, std::span<const Ticker> watched) = 0;
    // All, by ticker. One that this version does not understand is skipped.
    virtual std::vector<WatchState> watch_states() = 0;
};

}  // namespace pricewire::storage
