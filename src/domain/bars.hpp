#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"

namespace pricewire::inline domain {

// Bar intervals are whole minutes that divide a day, so each UTC day starts with a new interval; or whole weeks, which
// begin on Monday.

// The start of the interval that contains `moment`.
Timestamp interval_start(Timestamp moment, Duration interval);
// The start of the first interval that does not start before `moment`. A moment within one interval of either
// end of time is returned as it is.
Timestamp next_interval_start(Timestamp moment, Duration interval);

// Merges a later part of an interval into the bar of its earlier part.
void append(Bar& bar, const Bar& later);

// Combines one ticker's bars, newest first, into bars of a longer interval. Pure.
class BarsBackwards {
public:
    BarsBackwards(Duration interval, std::size_t limit) : interval_(interval), limit_(limit) {}
    // False if there are `limit` bars and the part belongs to an older one: no more parts are needed.
    bool add(const Bar& part);
    // Oldest first.
    std::vector<Bar> take() &&;

private:
    Duration interval_;
    std::size_t limit_;
    std::vector<Bar> bars_;  // newest first
};

// What is known of an hour: of its minutes, the first and the last of which are known, or of venues' candles of the
// hour. A candle knows the whole hour: its open, close and volume stay, whichever minutes come before or after it; high
// and low hold all of them.
struct HourBar {
    Bar bar;
    Timestamp first, last;  // minutes
    bool is_candle = false;
};
HourBar hour_of(const Bar& minute);
HourBar hour_of_candle(const Bar& candle);
// Merges what is known of the same hour. In whatever order and however often parts are merged, the result is the same,
// as long as a minute only ever changes its close, high and low, and volumes of minutes are those of the whole hour.
void merge(HourBar& hour, const HourBar& other);
// Of minutes in any order; by ticker and hour.
std::vector<HourBar> hours_of(std::span<const Bar> minutes);

// Days made of hours, and candles of days, which know the whole day, as above. Both and the result: oldest first.
std::vector<Bar> with_candles(std::vector<Bar> days, std::span<const Bar> candles);

// The minutes to be stored where `history` comes to those that are `stored`, both of one ticker, oldest first: `stored`
// has a minute more at both ends. Live prices stay as they are; they get a volume, and at the edges of what was watched,
// where the minute before or after has no live prices, what the rest of the minute was.
std::vector<Bar> minutes_to_fill(std::span<const Bar> stored, std::span<const Bar> history);

}  // namespace pricewire::inline domain
