#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "bus/delivery_notices.hpp"

namespace pricewire::bus {

struct RedisNoticesOptions {
    std::string url;                    // see redis::parse_url()
    std::string prefix = "pricewire:";  // of every key
    // Least number of entries that a full stream keeps, each of up to 100 notices (3.3 kB).
    std::size_t stream_cap = 1000;
};

// Notices between processes, on Redis (5.0 or later), in the capped stream <prefix>deliveries. An entry has
// one field: "n" is a batch of notices (see notice_codec.hpp), "m" is the time, in µs, since when its
// publisher had to drop notices.
//
// While Redis is unavailable nothing throws and notices are dropped. When it is back, subscribers learn
// that they missed some: because of their own reconnect, and by the publisher's "m".
//
// Threads: one to publish and one to subscribe, each started when first needed. The destructor tries once
// more to send what is pending. Throws std::invalid_argument if the URL is invalid. `clock` must outlive it.
std::unique_ptr<DeliveryNotices> create_redis_notices(RedisNoticesOptions options, const Clock& clock);

}  // namespace pricewire::bus
