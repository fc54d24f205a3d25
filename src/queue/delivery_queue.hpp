#pragma once

#include <functional>
#include <span>

#include "domain/delivery.hpp"

namespace pricewire {

// Tells senders that a delivery is due. Disposable: a task that is lost here is found again by the sender's
// look into the database, which is the truth. Thread-safe.
class DeliveryQueue {
public:
    virtual ~DeliveryQueue() = default;
    // Called after the deliveries were committed. Never blocks for long; what does not fit is left to the
    // database.
    virtual void publish(std::span<const DeliveryTask> tasks) = 0;
    // Tasks arrive on a thread of the queue's or the publisher's; `on_tasks` must return quickly. One
    // consumer.
    virtual void consume(std::function<void(std::span<const DeliveryTask>)> on_tasks) = 0;
    // Throws std::runtime_error where it cannot be reached.
    virtual void ping() = 0;
};

}  // namespace pricewire
