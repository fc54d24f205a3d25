#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "domain/delivery.hpp"

namespace pricewire::queue {

// A task as it came, with what done() takes; zero where done() need not be told.
struct QueuedTask {
    DeliveryTask task;
    std::uint64_t receipt = 0;
};

// Tells senders that a delivery is due. Disposable: a task that is lost here is found again by the sender's
// look into the database, which is the truth. May bring a task more than once, and in another order than it
// was published in. Thread-safe.
class DeliveryQueue {
public:
    virtual ~DeliveryQueue() = default;
    // Called after the deliveries were committed. Never blocks for long; what does not fit is left to the
    // database.
    virtual void publish(std::span<const DeliveryTask> tasks) = 0;
    // Tasks arrive on a thread of the queue's or the publisher's; `on_tasks` must return quickly, and may
    // call done() but nothing else of the queue. One consumer; consume({}) takes it away: when it returns,
    // the old one is not running and will not be called again, and what it was not done with goes to others.
    virtual void consume(std::function<void(std::span<const QueuedTask>)> on_tasks) = 0;
    // These tasks need not come again: they are claimed in the database, or it did not have them due.
    // Receipts of a connection that is gone are passed over. Never blocks for long.
    virtual void done(std::span<const std::uint64_t> receipts) = 0;
    // Throws std::runtime_error where it cannot be reached.
    virtual void ping() = 0;
};

}  // namespace pricewire::queue
