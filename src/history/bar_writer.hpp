#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "domain/market.hpp"
#include "storage/storage.hpp"

namespace pricewire::history {

struct BarWriterOptions {
    // Bars that are older, by the database's clock and by this process's, are removed: a year of days, and weeks that began
    // before it, are those of hours.
    Duration keep_minutes = std::chrono::days{90};
    Duration keep_hours = std::chrono::days{400};  // and days
    Duration prune_every = std::chrono::minutes{10};
    std::size_t prune_step = 1000;             // bars removed in one transaction
    Duration retry = std::chrono::seconds{2};  // between retries while the database is unreachable
};

// Writes minute bars to storage and removes old ones, on its own thread, so that the market's thread never
// waits for a database. While the database is unreachable the latest state of each bar is kept in memory and
// written when it is back.
class BarWriter {
public:
    virtual ~BarWriter() = default;  // as stop()
    // Any thread; returns at once.
    virtual void write(std::vector<Bar> bars) = 0;
    // Any other thread than the writer's: waits until what was written before is stored. False if it cannot be stored now,
    // or the writer has stopped.
    virtual bool flush() = 0;
    // Writes the rest, once, and ends.
    virtual void stop() = 0;
};

// `storage` and `clock` outlive it.
std::unique_ptr<BarWriter> create_bar_writer(storage::Storage& storage, const Clock& clock,
                                             const BarWriterOptions& options = {});

}  // namespace pricewire::history
