#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>

#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/market.hpp"

namespace pricewire {

// What each ticker's price has been of late, so that an alert that is heard of after prices which followed
// its creation is judged by them too. A price is in effect from its own time until the next one's, or until
// it has gone. Pure; one thread owns it.
class RecentPrices {
public:
    // Kept per ticker; the last price is kept whatever its age.
    static constexpr Duration longest = std::chrono::minutes{2};
    static constexpr std::size_t most = 4096;

    void add(const Price& price);
    // The price of the ticker has gone, at this time.
    void gone(Ticker ticker, Timestamp at);

    // The price in effect now; nullopt where there is none.
    std::optional<Price> last(Ticker ticker) const;
    // The first price in effect at or after `since` for which the condition holds.
    std::optional<Price> first_since(const ActiveAlert& alert, Timestamp since) const;

private:
    struct Entry {
        Timestamp time;
        std::optional<Price> price;  // nullopt: it has gone
    };
    static void trim(std::deque<Entry>& entries);
    std::unordered_map<Ticker, std::deque<Entry>> by_ticker_;
};

}  // namespace pricewire
