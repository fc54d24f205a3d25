#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// How far a ticker's history has been filled from venues' candles.
struct Filled {
    std::optional<Timestamp> until;  // what venues have of the time before it is stored; unset: nothing yet
    Timestamp next_at;               // not to be filled again before
};

// Bars of prices: minutes, hours made of them, and history from venues' candles. Part of Storage: see there for threads;
// writes survive kill -9, not a loss of power.
class Bars {
public:
    virtual ~Bars() = default;

    // Minutes of live prices. Merges with bars already stored: their open stays, high and low widen, close is replaced.
    virtual void upsert_bars(std::span<const Bar> bars) = 0;
    // A ticker's bars of 1 minute, 1 hour or 1 day from venues' candles, oldest first. Minutes: as
    // minutes_to_fill(); hours: as HourBar; days: as with_candles() (domain/bars.hpp). Adding them again does no harm.
    virtual void add_history(Ticker ticker, Duration interval, std::span<const Bar> bars) = 0;
    // This and the next may be behind by what replica_lag allows, where the storage was opened with a replica.
    //
    // The newest `limit` bars of an interval (see domain/bars.hpp) that start within [from, to), oldest first. An
    // interval of which nothing is known has no bar.
    virtual std::vector<Bar> bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                                  std::size_t limit) = 0;
    // The same of several tickers, one after another; `interval` is 1 minute or 1 hour.
    virtual std::vector<Bar> bars_of(std::span<const Ticker> tickers, Duration interval, Timestamp from,
                                     Timestamp to, std::size_t limit) = 0;
    // Removes at most `limit` minutes that start before `minutes_before`, and at most `limit` hours and `limit` days that
    // end before `longer_before`; returns the largest of the three counts: below `limit`, nothing is left to remove.
    virtual std::size_t prune_bars(Timestamp minutes_before, Timestamp longer_before, std::size_t limit) = 0;

    // Claims the filling of a ticker until `lease`, and returns how far it has been filled; nullopt if another owner's
    // claim has not expired, or if next_at is yet to come and it has been filled until `behind` or later. The owner of
    // a claim may claim again.
    virtual std::optional<Filled> claim_fill(Ticker ticker, std::string_view owner, Timestamp now,
                                             Timestamp lease, Timestamp behind = {}) = 0;
    // Ends a claim; does nothing if another owner has claimed it since. Unset `filled.until`: it stays as it was.
    virtual void finish_fill(Ticker ticker, std::string_view owner, const Filled& filled) = 0;
    // nullopt: it was never claimed.
    virtual std::optional<Filled> filled(Ticker ticker) = 0;
};

}  // namespace pricewire::storage
