#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "domain/alert.hpp"
#include "domain/delivery.hpp"
#include "domain/stretch.hpp"
#include "past/past.hpp"
#include "price/consolidator.hpp"
#include "storage/storage.hpp"

namespace pricewire::recover {

struct RunnerOptions {
    std::string owner;  // of claims; the same after a restart only where no other process shares the database
    Duration recover = std::chrono::hours{24};               // older time is not asked back; > 0
    price::ConsolidationPolicy policy;                       // by which prices are made live
    std::function<std::vector<past::Place>(Ticker)> places;  // where a ticker is listed; the runner's thread
    // What was known of a ticker within [from, to), for alerts with terms. The runner's thread.
    std::function<std::vector<Stretch>(Ticker, Timestamp from, Timestamp to)> known;
    // After each commit, on the runner's thread, with the deliveries written for the groups; must not block.
    std::function<void(std::span<const FiringGroup>, std::span<const DeliveryTask>)> written;
    std::size_t max_firings_per_commit = 10'000;  // live firings wait for a commit
    // Alerts with terms that are looked at together, about a kilobyte each. What a ticker has beyond that is left out, which
    // is logged.
    std::size_t most_ruled = 200'000;
    Duration look_every = std::chrono::seconds{1};
    Duration bars_within = std::chrono::seconds{15};
    Duration trades_within = std::chrono::seconds{10};
};

// Asks back what happened in blind times, and fires the alerts whose level was touched then. On its own thread, in a
// feed's process. A span is one feed's at a time; firing twice does no harm, so that a kill at any point is followed by
// doing it again.
class Runner {
public:
    virtual ~Runner() = default;  // as stop()
    // Waits for a call of the storage, not for venues.
    virtual void stop() = 0;

    // Any thread; since the start.
    virtual std::uint64_t fired() const = 0;
    virtual std::uint64_t recovered_seconds() const = 0;  // over all tickers
    virtual std::uint64_t lost_seconds() const = 0;       // unknown for good
};

// `storage`, `past` and `clock` outlive it.
std::unique_ptr<Runner> start_runner(storage::Storage& storage, past::Past& past, const Clock& clock,
                                     RunnerOptions options);

}  // namespace pricewire::recover
