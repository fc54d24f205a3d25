#pragma once

#include <cstddef>
#include <memory>

#include "base/clock.hpp"
#include "storage/storage.hpp"

namespace pricewire::deliver {

struct PrunerOptions {
    Duration keep = std::chrono::hours{24 * 30};      // after a delivery's creation, if it has ended
    std::size_t step = 500;                           // rows removed in one transaction
    Duration pause = std::chrono::milliseconds{100};  // between two steps, for other users of the storage
    Duration every = std::chrono::minutes{1};         // between rounds; also after an error
};

// Removes ended deliveries after their time, and deleted users and alerts that have none left, on its own thread, in steps so
// small that others hardly notice. What is old is so by the database's clock and by this process's. An error of the storage
// is logged once, and the next round tries again.
class Pruner {
public:
    virtual ~Pruner() = default;  // as stop()
    // Ends after the step under way. Blocking; any thread.
    virtual void stop() = 0;
};

// `storage` and `clock` outlive it. The first round begins at once.
std::unique_ptr<Pruner> start_pruner(storage::Storage& storage, const Clock& clock,
                                     const PrunerOptions& options = {});

}  // namespace pricewire::deliver
