#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "domain/market.hpp"

namespace pricewire {

// Prices and latest quotes, from the feed to checkers and the API. Thread-safe.
class PriceBus {
public:
    virtual ~PriceBus() = default;

    // Every price, in order; called by the feed alone, on its thread. Subscribers see all of them.
    virtual void publish(const Price& price) = 0;
    // Replaces what latest() tells of a ticker; also when its price has just gone (board.price is empty).
    virtual void publish_board(const TickerBoard& board) = 0;

    // `on_price` runs on the publisher's thread and must return quickly. Subscribe before the feed starts.
    virtual void subscribe(std::function<void(const Price&)> on_price) = 0;

    virtual std::optional<TickerBoard> board(Ticker ticker) const = 0;
    // {"BTC":65420.15,…} of all tickers that have a price, in the configured order; "{}" where none has.
    // Shared, because every request for rates sends these same bytes.
    virtual std::shared_ptr<const std::string> rates_json() const = 0;
    // Throws std::runtime_error where it cannot be reached.
    virtual void ping() = 0;
};

}  // namespace pricewire
