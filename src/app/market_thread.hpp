#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "bus/price_bus.hpp"
#include "directory/disagreement.hpp"
#include "feed/frame_tap.hpp"
#include "feed/status.hpp"
#include "feed/venue.hpp"
#include "history/bar_writer.hpp"
#include "ops/config.hpp"
#include "price/meters.hpp"
#include "watch/watcher.hpp"

namespace pricewire::app {

// The feed's role: exchange sessions, consolidation and bars on the thread of one event loop, which publishes
// prices, boards and the sources' conditions on the bus. The sources are published once before start().
class MarketThread {
public:
    virtual ~MarketThread() = default;  // after stop(), if it was started
    virtual void start() = 0;
    // Nothing is published after it returns; the last bars have been handed to their writer.
    virtual void stop() = 0;
    // As feed::Feed's and price::Market's. Any thread; done in the order of the calls, none before start() or after
    // stop().
    virtual void watch(Ticker ticker, std::vector<feed::FoundAt> found) = 0;
    virtual void unwatch(Ticker ticker) = 0;
    // These tickers are needed and only watched by other feeds, which alone can say whether they are heard: in this
    // feed's signs of life they are unheard. By name; any thread.
    virtual void set_elsewhere(std::vector<Ticker> tickers) = 0;
    // Any thread.
    virtual watch::HeardRound heard() const = 0;
    // Asks the thread for a sign of life, and returns how many there have been; before start() and after stop(), one with
    // each call. One thread at a time; never blocks.
    virtual std::uint64_t signs_of_life() = 0;
    virtual std::vector<feed::SourceStatus> sources() const = 0;
    virtual const price::MarketMeters& meters() const = 0;
    virtual const price::RateMeters& rate_meters() const = 0;
};

// What prices show about the sources' symbol lists; called on the market's thread. Either may be empty.
struct MarketFindings {
    // Sources have been found to mean another coin by a ticker, or the same one again.
    std::function<void(std::vector<directory::Comparison>)> compared = {};
    // A source does not know a symbol that was asked for.
    std::function<void(SourceName)> doubted = {};
};

// `bus`, `bars`, `clock`, `tap`, which may be null, and what the functions use outlive it.
std::unique_ptr<MarketThread> create_market_thread(const ops::Config& config, bus::PriceBus& bus,
                                                   history::BarWriter& bars, const Clock& clock,
                                                   feed::VenueTypes venues = feed::venue_types(),
                                                   feed::FrameTap* tap = nullptr,
                                                   MarketFindings findings = {});

}  // namespace pricewire::app
