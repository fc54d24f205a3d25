#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/market.hpp"

namespace pricewire::bus {

// A place in what a bus carries; opaque, ordered within one bus. Zero in a bus that keeps nothing.
struct BusPosition {
    std::uint64_t ms = 0;
    std::uint64_t sequence = 0;
    friend auto operator<=>(const BusPosition&, const BusPosition&) = default;
};

// What a subscriber is told, on a thread of the bus' (in process: the publisher's). Functions return quickly;
// any may be empty.
struct PriceSubscriber {
    bool resume = false;                      // begin at the place last told to processed(), not now
    std::function<void(const Price&)> price;  // every price, in order
    // The feed whose price of this ticker was the last has none that counts any more.
    std::function<void(const PriceGone&)> gone;
    std::function<void()> behind;     // what follows was published in the past, until caught_up()
    std::function<void()> caught_up;  // what follows is published now. Also told once after subscribing.
    // Everything up to here has been handed over. Not told by a bus that keeps nothing.
    std::function<void(BusPosition)> position;
};

// Prices, latest quotes and the sources' condition, from feeds to checkers and the API. Thread-safe.
class PriceBus {
public:
    virtual ~PriceBus() = default;

    // Every price, in order; called by the feed alone, on its thread. Never waits for a network. Subscribers
    // see all of them.
    virtual void publish(const Price& price) = 0;
    // This feed had a price of the ticker and has none now; in order with publish(), on its thread.
    virtual void publish_gone(const PriceGone& gone) = 0;
    // Replaces what board() tells of a ticker; also when its price has just gone (board.price is empty).
    virtual void publish_board(const TickerBoard& board) = 0;
    // How the feed's sources are doing, all of them; said again every second.
    virtual void publish_sources(std::span<const SourceReport> sources) = 0;

    // Subscribe before a feed of this process starts. What the functions use lives until unsubscribe_all().
    virtual void subscribe(PriceSubscriber subscriber) = 0;
    // What prices up to here have fired is durable: a subscriber that resumes may begin here. Of several
    // callers' places the furthest counts. Never waits for a network.
    virtual void processed(BusPosition position) = 0;
    // No subscriber is told anything once this returns. To be called after a feed of this process has
    // stopped, and before what the subscribers use goes; processed() can still be called.
    virtual void unsubscribe_all() = 0;

    virtual std::optional<TickerBoard> board(Ticker ticker) const = 0;
    // {"BTC":65420.15,…} of all tickers that have a price, in the configured order; "{}" where none has.
    // Shared, because every request for rates sends these same bytes.
    virtual std::shared_ptr<const std::string> rates_json() const = 0;
    // The sources of all living feeds; of two feeds' reports on one source the better. Empty where no feed
    // lives.
    virtual std::vector<SourceReport> sources() const = 0;
    // Throws std::runtime_error where it cannot be reached.
    virtual void ping() = 0;
};

}  // namespace pricewire::bus
