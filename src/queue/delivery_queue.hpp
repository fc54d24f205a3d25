#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "domain/delivery.hpp"

namespace pricewire::queue {

// A received task and its receipt for done(); zero if done() need not be called.
struct QueuedTask {
    DeliveryTask task;
    std::uint64_t receipt = 0;
    std::optional<std::uint8_t> slot = std::nullopt;  // of its user, if whoever published it knew
    bool directed = false;                            // to this process alone, as being in charge of the slot
};

// Tells senders that deliveries are due. Tasks are hints: the database is authoritative, and senders poll it,
// so lost tasks are found there. A task may arrive more than once or out of order. Thread-safe.
class DeliveryQueue {
public:
    virtual ~DeliveryQueue() = default;
    // Called after the deliveries were committed. Never blocks for long; tasks that do not fit are dropped
    // and found in the database.
    virtual void publish(std::span<const DeliveryTask> tasks) = 0;
    // Publishes tasks whose slots are known, received by this process, to those who are in charge of them. Where that cannot
    // be done they are found in the database.
    virtual void hand_on(std::span<const QueuedTask> /*tasks*/) {}
    // Sets the only consumer. `on_tasks` is called on a thread of the queue or of the publisher; it must
    // return quickly and may call done(), but no other function of the queue. consume({}) removes the
    // consumer: once it returns, the old one is not running and will not be called again, and its unfinished
    // tasks go to others.
    virtual void consume(std::function<void(std::span<const QueuedTask>)> on_tasks) = 0;
    // Acknowledges tasks: they were claimed in the database or are not due there. Receipts of a closed
    // connection are ignored. Never blocks for long.
    virtual void done(std::span<const std::uint64_t> receipts) = 0;
    // Throws std::runtime_error if it cannot be reached.
    virtual void ping() = 0;
};

}  // namespace pricewire::queue
