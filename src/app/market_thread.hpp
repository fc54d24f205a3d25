#pragma once

#include <memory>
#include <vector>

#include "bus/price_bus.hpp"
#include "feed/status.hpp"
#include "feed/venue.hpp"
#include "history/bar_writer.hpp"
#include "ops/config.hpp"
#include "price/meters.hpp"

namespace pricewire::app {

// The feed's role: exchange sessions, consolidation and bars, on the thread of one event loop, which says
// prices, boards and the sources' condition on the bus. The sources are said once before start().
class MarketThread {
public:
    virtual ~MarketThread() = default;  // after stop(), where it was started
    virtual void start() = 0;
    // Publishes nothing any more when it returns; the last bars are handed to their writer.
    virtual void stop() = 0;
    // Any thread.
    virtual std::vector<feed::SourceStatus> sources() const = 0;
    virtual const price::MarketMeters& meters() const = 0;
};

// `bus` and `bars` outlive it.
std::unique_ptr<MarketThread> create_market_thread(const ops::Config& config, bus::PriceBus& bus,
                                                   history::BarWriter& bars,
                                                   feed::VenueTypes venues = feed::venue_types());

}  // namespace pricewire::app
