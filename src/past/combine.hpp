#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "domain/market.hpp"
#include "feed/venue.hpp"

// Bars of several venues into those of the market. Pure. The method is described in combine.cpp.
namespace pricewire::past {

// One venue's candles of one ticker and interval, oldest first.
struct VenueCandles {
    SourceName source;
    Currency currency = "USD";
    int weight = 1;         // as of its live quotes
    SourceName owner = {};  // empty: its own
    std::vector<feed::Candle> candles;
};

// What the market did within one interval, in dollars. With two owners or more the high and the low are prices that
// two owners' venues have reached, or the open or close that they agree on: no single venue's wick.
struct CombinedBar {
    Timestamp start;
    Decimal open, high, low, close;
    std::optional<Decimal> volume;  // in coins, of the venues that agree and give one
    int owners = 0;                 // that agree; 1: it rests on one venue, or on one owner's
    std::uint32_t sources = 0;      // bit i: the i-th of the venues given agrees
    friend bool operator==(const CombinedBar&, const CombinedBar&) = default;
};
Bar bar_of(Ticker ticker, const CombinedBar& bar);

// What a unit of each currency was worth, interval by interval.
class PastRates {
public:
    // The coin's own bars, combined from the venues that trade it for dollars, oldest first.
    void set(Currency currency, Duration interval, std::vector<CombinedBar> bars);
    // No venue can say it: the coin counts as a dollar, as it does live.
    void set_unknowable(Currency currency);
    // In hundred-thousandths of a dollar (price::DollarRate). That of the interval, or of the nearest one that is no
    // further away than an hour or an interval; nullopt: unknown, or not a currency that is converted.
    std::optional<std::int64_t> e5_at(Currency currency, Timestamp start) const;
    // Rounded as live prices are.
    std::optional<Decimal> in_dollars(Decimal price, Currency currency, Timestamp start) const;

private:
    struct Known {
        Duration reach{};
        bool is_unknowable = false;
        std::map<Timestamp, std::int64_t> e5;
    };
    std::map<Currency, Known> known_;
};

// Bits of CombinedBar::sources.
constexpr std::size_t most_combined = 32;

// Of the first `most_combined` venues. Oldest first; an interval in which nobody traded, or whose venues disagree, has
// no bar. The order of the venues decides nothing.
std::vector<CombinedBar> combine(std::span<const VenueCandles> venues, const PastRates& rates);

}  // namespace pricewire::past
