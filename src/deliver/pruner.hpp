#pragma once

#include <cstddef>
#include <memory>

#include "base/clock.hpp"
#include "storage/deliveries.hpp"

namespace pricewire::deliver {

struct PrunerOptions {
    Duration keep = std::chrono::hours{24 * 30};      // what has ended is kept this long after it was created
    std::size_t step = 500;                           // rows removed in one transaction
    Duration pause = std::chrono::milliseconds{100};  // between two steps, for everybody else
    Duration every = std::chrono::minutes{1};         // between rounds; also after an error
};

// Removes deliveries that have been kept for their time, and users and alerts of which nothing is left, on a
// thread of its own, in steps so small that others hardly notice. An error of the storage is logged once, and
// the next round tries again.
class Pruner {
public:
    virtual ~Pruner() = default;  // as stop()
    // Ends after the step under way. Blocking; any thread.
    virtual void stop() = 0;
};

// `storage` and `clock` outlive it. The first round begins at once.
std::unique_ptr<Pruner> start_pruner(storage::Deliveries& storage, const Clock& clock,
                                     const PrunerOptions& options = {});

}  // namespace pricewire::deliver
