#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "bus/delivery_notices.hpp"

namespace pricewire::bus {

struct RedisNoticesOptions {
    std::string url;                    // as redis::parse_url() takes it
    std::string prefix = "pricewire:";  // of every key
    // Entries that the stream keeps at least, once it has them, of up to 100 notices (3.3 kB) each.
    std::size_t stream_cap = 1000;
};

// Notices between processes, on Redis (5.0 or later): <prefix>deliveries is a capped stream. An entry's field
// "n" is a batch of notices of 33 bytes (the user's id, the delivery's, '1' or '0' for fired); "m" is since
// when its publisher had to drop some, in µs.
//
// While Redis is away nothing throws: what is published then is dropped, and subscribers are told so when it
// is back: by their own new connection, and by what the publisher then says.
//
// Threads: one to publish and one to subscribe, each once it is needed. The destructor tries to send what
// waits, once more. Throws std::invalid_argument where the URL is none. `clock` outlives it.
std::unique_ptr<DeliveryNotices> create_redis_notices(RedisNoticesOptions options, const Clock& clock);

}  // namespace pricewire::bus
