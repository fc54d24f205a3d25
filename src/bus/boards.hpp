#pragma once

#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "domain/market.hpp"

namespace pricewire::bus {

// The latest board of each ticker: the pinned ones in their order, then the others by name. Pinned tickers always have
// a board, if only an empty one. One thread.
class Boards {
public:
    explicit Boards(std::span<const Ticker> pinned);

    // Whether its price has another value than before, or is gone or new.
    bool put(TickerBoard board);
    bool remove(const Ticker& ticker);
    // Null: nobody watches it. Valid until the next put() or remove().
    const TickerBoard* find(const Ticker& ticker) const;
    bool has_price(const Ticker& ticker) const {
        const TickerBoard* const board = find(ticker);
        return board != nullptr && board->price;
    }
    std::vector<Ticker> tickers() const;
    std::vector<Ticker> unpriced() const;
    std::vector<Price> prices() const;
    // {"BTC":65420.15,…} for those that have a price.
    std::string rates_json() const;

private:
    static constexpr std::size_t unpinned = std::numeric_limits<std::size_t>::max();
    using Place = std::pair<std::size_t, Ticker>;
    Place place_of(const Ticker& ticker) const;

    std::map<Ticker, std::size_t> pinned_;
    std::map<Place, TickerBoard> boards_;
};

}  // namespace pricewire::bus
