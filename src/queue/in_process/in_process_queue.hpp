#pragma once

#include <cstddef>
#include <memory>

#include "queue/delivery_queue.hpp"

namespace pricewire::queue {

// The queue of a process that holds both ends. Tasks are handed to the consumer on the publisher's thread;
// until there is a consumer at most `capacity` tasks are kept, and what does not fit is left to the database,
// which is said once until there is room again.
std::unique_ptr<DeliveryQueue> create_in_process_queue(std::size_t capacity = 100'000);

}  // namespace pricewire::queue
