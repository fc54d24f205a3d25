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
    std::optional<Timestamp> until;  // everything before it that venues could tell; unset: nothing yet
    Timestamp next_at;               // not to be filled again before
};

// Bars of prices: minutes, hours made of them, and what venues' candles tell of the past. Part of Storage: see there for
// threads; writes survive kill -9, not a loss of power.
class Bars {
public:
    virtual ~Bars() = default;

    // Minutes of live prices. Merges with bars already stored: their open stays, high and low widen, close is replaced.
    virtual void upsert_bars(std::span<const Bar> bars) = 0;
    // A ticker's bars of 1 minute, 1 hour or 1 day from venues' candles, oldest first. Minutes: as
    // minutes_to_fill(); hours: as HourBar; days: as with_candles() (domain/bars.hpp). Adding them again does no harm.
    virtual void add_history(Ticker ticker, Duration interval, std::span<const Bar> bars) = 0;
    // The newest `limit` bars of an interval (see domain/bars.hpp) that start within [from, to), oldest first. An
    // interval of which nothing is known has no bar.
    virtual std::vector<Bar> bars(Ticker ticker, Duration interval, Timestamp from, Timestamp to,
                                  std::size_t limit) = 0;
    // Removes at most `limit` minutes that start before `minutes_before`, and as many hours and days that end before
    // `longer_before`; returns how many of the most frequent: fewer than `limit` means that nothing is left to remove.
    virtual std::size_t prune_bars(Timestamp minutes_before, Timestamp longer_before, std::size_t limit) = 0;

    // Claims the filling of a ticker until `lease`, and returns what has been filled; nullopt if another owner's claim
    // lasts, or if it is not to be filled yet, unless it is filled until before `behind`. The owner of a claim may
    // claim again.
    virtual std::optional<Filled> claim_fill(Ticker ticker, std::string_view owner, Timestamp now,
                                             Timestamp lease, Timestamp behind = {}) = 0;
    // Ends a claim; nothing if it is another's by now. Unset `filled.until`: as before.
    virtual void finish_fill(Ticker ticker, std::string_view owner, const Filled& filled) = 0;
    // Nullopt: nobody has begun.
    virtual std::optional<Filled> filled(Ticker ticker) = 0;
};

}  // namespace pricewire::storage
