#pragma once

#include <cstddef>
#include <memory>

#include "queue/delivery_queue.hpp"

namespace pricewire::queue {

// A queue for a process with both ends. Tasks are handed to the consumer on the publisher's thread. Without a
// consumer up to `capacity` tasks are kept; the rest is left to the database, which is logged once per
// overflow.
std::unique_ptr<DeliveryQueue> create_in_process_queue(std::size_t capacity = 100'000);

}  // namespace pricewire::queue
