#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>

#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/market.hpp"

namespace pricewire::alert {

// What each ticker's price has been of late, so that an alert that is heard of after prices which followed
// its creation is judged by them too. A price is in effect from its own time until the next one's, or until
// it has gone. Pure; one thread owns it.
class RecentPrices {
public:
    // Kept per ticker; the last price is kept whatever its age.
    static constexpr Duration longest = std::chrono::minutes{2};
    static constexpr std::size_t most = 4096;

    // Takes its place by its time: prices of several feeds may come in another order. Returns when it had
    // ceased to be in effect; nullopt where it is the newest. One that is older than all that is kept ceased
    // at once, as far as can be known. Times that lie in the future, by a clock that was ahead or has been
    // set back, count as `now`.
    std::optional<Timestamp> add(Price price, Timestamp now);
    // The same for a ticker whose price has gone; where none was there, nothing is kept.
    std::optional<Timestamp> add(const PriceGone& gone, Timestamp now);

    // The first price in effect at or after `since` for which the condition holds.
    std::optional<Price> first_since(const ActiveAlert& alert, Timestamp since) const;

private:
    struct Entry {
        Timestamp time;
        std::optional<Price> price;  // nullopt: it has gone
    };
    struct Line {
        std::deque<Entry> entries;
        bool forgot = false;  // there were older ones
    };
    static std::optional<Timestamp> insert(Line& line, Entry entry, Timestamp now);
    std::unordered_map<Ticker, Line> by_ticker_;
};

}  // namespace pricewire::alert
