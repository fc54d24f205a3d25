#pragma once

#include <memory>

#include "access/rate_limits.hpp"
#include "access/redis/redis_cache_options.hpp"

namespace pricewire::access {

// The buckets of all processes that share a Redis, by its time: take()'s `now` counts only while Redis is
// away. Then, and where it does not answer in time, a bucket of this process alone decides by the same limit;
// that is said once, and Redis is tried again every second. A bucket's key is there until it is full again.
// Throws std::invalid_argument where the URL is none.
std::unique_ptr<RateLimits> create_redis_rate_limits(const RedisCacheOptions& options);

}  // namespace pricewire::access
