#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "alert/extremes.hpp"
#include "alert/ring.hpp"
#include "alert/ticker_map.hpp"
#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/market.hpp"

namespace pricewire::alert {

// The recent prices of each ticker, so that an alert that arrives after prices that followed its creation is
// judged by them as well. A price is in effect from its own time until that of the next one, or until it is
// gone. Pure; owned by one thread.
class RecentPrices {
public:
    // How far back a price that comes late is taken. Tickers share the room for a million prices (50 to 100 MB): two minutes at
    // 5,500 prices a second of all together. A ticker may have what others leave, and has `least` at least; one that has filled
    // the room gives it back with its next price, so there may be twice as many. Of one with more, only the newest can be
    // judged again: an alert that arrives later than those reach back is not judged by what was before.
    static constexpr Duration longest = std::chrono::minutes{2};
    // How much longer prices are kept, so that a late one can be judged together with those before it: see Judged. The
    // price in effect before those is kept whatever its age.
    static constexpr Duration margin = std::chrono::minutes{1};
    static constexpr std::size_t least = 4096;
    static constexpr std::size_t most_in_all = 1'000'000;

    // A price from `time` on, or none any more.
    struct Entry {
        Decimal number = {};  // of no meaning where it is gone, like `made` and `sequence`
        Timestamp time = {};
        Timestamp made = {};  // the price's own time: later only where a clock was ahead
        std::uint64_t sequence = 0;
        std::uint32_t arrival = 0;  // of all tickers; begins again at 0 after the greatest
        bool is_gone = false;
        bool is_blind = false;  // since nobody watched; alerts without terms pass over it

        std::optional<Decimal> value() const { return is_gone ? std::nullopt : std::optional(number); }
        std::optional<Price> price(Ticker ticker) const {
            return is_gone ? std::nullopt : std::optional(Price{ticker, number, made, sequence});
        }
    };
    static_assert(sizeof(Entry) == 48);
    using Entries = Ring<Entry>;
    struct Gap {
        PriceGone gone;
        bool is_newest = true;
    };

    // Inserts the price by its time, since prices of several feeds may arrive out of order. Returns when it
    // was no longer in effect; nullopt if it is the newest. A price that is too old to be taken was in effect
    // for no time, as far as is known. Times in the future, because a clock was ahead or has been set back,
    // count as `now`.
    std::optional<Timestamp> add(const Price& price, Timestamp now);
    // The same for a ticker whose price is gone; ignored if the ticker never had one.
    std::optional<Timestamp> add(const PriceGone& gone, Timestamp now);

    // Nobody watched from about `since` on, for longer than `heard_every`: each ticker's price ends at `since`, or at
    // its last price within `heard_every` after that. Returns the ends in the order in which they are kept, but for tickers
    // that had no price then.
    std::vector<Gap> add_blind(Timestamp since, Timestamp now);
    static constexpr Duration heard_every = std::chrono::seconds{2};

    // No price of the ticker was judged from `since` on until the first one that is added. The first call for a ticker counts.
    void begin_blind(const Ticker& ticker, Timestamp since);
    // That, while the first one is known; nullopt: there was no such time.
    std::optional<Timestamp> blind_before(const Ticker& ticker) const;

    // No price of the ticker that was made before is taken any more; nullopt: none is known.
    std::optional<Timestamp> reach(Ticker ticker) const;

    // Prices of the ticker before it were dropped; nullopt: none were.
    std::optional<Timestamp> forgot_before(Ticker ticker) const;

    // The first price in effect at or after `since` at which the alert's condition holds. Of many prices it looks at few.
    std::optional<Price> first_since(const ActiveAlert& alert, Timestamp since);
    // How many prices, or blocks of them, first_since() has looked at so far.
    std::uint64_t looked_at() const { return looked_at_; }
    // Whether what was last added at `time` has the value that was in effect before it, so that it changes nothing:
    // of two feeds, each publishes a price for the same trade.
    bool is_repetition(Ticker ticker, Timestamp time) const;
    // What is kept of the ticker, by time; of one moment in the order in which it came. Valid until the next add().
    const Entries& of(Ticker ticker) const;
    // The same order between tickers.
    static bool is_before(const Entry& a, const Entry& b) {
        return a.time != b.time ? a.time < b.time : static_cast<std::int32_t>(a.arrival - b.arrival) < 0;
    }

private:
    struct Line {
        Entries entries;
        bool forgot = false;        // older ones were dropped
        Extremes::Place first = 0;  // of the first entry
        Extremes extremes = {};
    };
    static Timestamp reach(const Line& line);
    std::optional<Timestamp> insert(Line& line, Entry entry, Timestamp now);
    void trim(Line& line);
    Line& line_of(const Ticker& ticker);
    TickerMap<Line> by_ticker_;
    TickerMap<Timestamp> blind_;
    std::size_t most_ = most_in_all;  // of each, where all of the room is taken
    std::size_t kept_ = 0;            // of all tickers
    std::uint64_t looked_at_ = 0;
    std::uint32_t arrived_ = 0;
};

}  // namespace pricewire::alert
