#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "past/past.hpp"
#include "storage/bars.hpp"

namespace pricewire::history {

struct BackfillOptions {
    std::string owner = "feed";                 // of claims; unique among processes that share a database
    Duration lease = std::chrono::seconds{60};  // renewed with every request
    Duration retry = std::chrono::seconds{5};   // of what another owner is doing, or the database refuses
};

// For metrics and the log.
struct BackfillFigures {
    std::size_t waiting = 0;  // tickers whose past is to be filled now
    std::size_t under_way = 0;
    std::uint64_t bars = 0;      // stored since the start
    std::uint64_t failures = 0;  // fillings of a ticker that are tried again
};

// Fills what is missing of the past of watched tickers with venues' candles, on its own thread: when a ticker is first
// watched, after a time in which nobody watched it, and every hour for volumes. One process at a time does it for a
// ticker; what is interrupted is done again by whoever comes next.
class Backfill {
public:
    virtual ~Backfill() = default;  // as stop()
    // Any thread. `is_needed`: by somebody, rather than pinned by the configuration. Called again with other places when
    // they change; an empty list: nothing is asked.
    virtual void watch(Ticker ticker, std::vector<past::Place> places, bool is_needed) = 0;
    virtual void unwatch(Ticker ticker) = 0;
    virtual BackfillFigures figures() const = 0;
    // What has come is stored; nothing more is asked.
    virtual void stop() = 0;
};

// `past`, whose answers may come until its asker is destroyed, `storage` and `clock` outlive it.
std::unique_ptr<Backfill> start_backfill(past::Past& past, storage::Bars& storage, const Clock& clock,
                                         const BackfillOptions& options = {});

}  // namespace pricewire::history
