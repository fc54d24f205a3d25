#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domain/heard.hpp"
#include "domain/market.hpp"

namespace pricewire::bus {

// A position in the stream of prices; opaque, ordered within one bus. Zero in a bus that stores nothing.
struct BusPosition {
    std::uint64_t ms = 0;
    std::uint64_t sequence = 0;
    friend auto operator<=>(const BusPosition&, const BusPosition&) = default;
};

// Callbacks of a subscriber, called on a thread of the bus (in process: the publisher's). They must return
// quickly; any may be empty.
struct PriceSubscriber {
    bool resume = false;                      // start at the position last passed to processed(), not now
    std::function<void(const Price&)> price;  // every price, in order
    // The feed that sent the last price of this ticker no longer has one.
    std::function<void(const PriceGone&)> gone;
    // A feed's sign of life, in order with its prices. `feed` names one run of a feed.
    std::function<void(std::string_view feed, const Heard&)> heard;
    std::function<void()> behind;     // what follows is old, until caught_up()
    std::function<void()> caught_up;  // what follows is current; also called once after subscribing
    // Everything up to here has been handed over. Not called by a bus that stores nothing.
    std::function<void(BusPosition)> position;
};

// Carries prices, latest quotes and the condition of sources from feeds to checkers and the API. Thread-safe.
class PriceBus {
public:
    virtual ~PriceBus() = default;

    // Every price, in order; called only by the feed, on its thread. Never waits for the network. Subscribers
    // get all of them.
    virtual void publish(const Price& price) = 0;
    // This feed no longer has a price of the ticker; in order with publish(), on the same thread.
    virtual void publish_gone(const PriceGone& gone) = 0;
    // In order with publish(), on the same thread; about once a second.
    virtual void publish_heard(const Heard& heard) = 0;
    // Replaces what board() returns for a ticker, also when its price is gone (board.price is empty).
    virtual void publish_board(const TickerBoard& board) = 0;
    // This feed no longer watches a ticker: its board is removed, unless another feed watches it. On the same thread.
    virtual void remove_board(const Ticker& ticker) = 0;
    // The condition of all of the feed's sources; repeated every second.
    virtual void publish_sources(std::span<const SourceReport> sources) = 0;

    // To be called before a feed of this process starts. What the callbacks use must outlive
    // unsubscribe_all().
    virtual void subscribe(PriceSubscriber subscriber) = 0;
    // Alerts fired by prices up to here are durable, so a subscriber that resumes may start here. The highest
    // position of all callers counts. Never waits for the network.
    virtual void processed(BusPosition position) = 0;
    // No callback runs once this returns. To be called after a feed of this process has stopped and before
    // what the callbacks use is destroyed; processed() can still be called.
    virtual void unsubscribe_all() = 0;

    // nullopt: no feed watches it, as far as is known. Pinned tickers always have a board.
    virtual std::optional<TickerBoard> board(Ticker ticker) const = 0;
    // Whether board() has a price, without asking for the ticker: what a bus caches is not kept newer for it.
    virtual bool has_price(const Ticker& ticker) const = 0;
    // The tickers that have a board without a price.
    virtual std::vector<Ticker> unpriced() const = 0;
    // All prices, in the order of rates_json(), without asking for their tickers.
    virtual std::vector<Price> prices() const = 0;
    // {"BTC":65420.15,…} for all tickers that have a price, the pinned ones in the configured order, then the others
    // by name; "{}" if none has. Shared, because every request for rates sends these same bytes.
    virtual std::shared_ptr<const std::string> rates_json() const = 0;
    // The sources of all live feeds; of two reports on one source the better one. Empty if there is no live
    // feed.
    virtual std::vector<SourceReport> sources() const = 0;
    // Throws std::runtime_error if it cannot be reached.
    virtual void ping() = 0;
};

}  // namespace pricewire::bus
