#pragma once

#include <memory>

#include "access/rate_limits.hpp"
#include "access/redis/redis_cache_options.hpp"

namespace pricewire::access {

// Buckets shared by all processes that use the same Redis, on Redis's clock. If Redis is unavailable or does
// not answer in time, a bucket local to this process applies the same limit, and take()'s `now` counts. The
// outage is logged once, and the connection is retried every second. A bucket's key expires when the bucket
// is full. Throws std::invalid_argument if the URL is invalid.
std::unique_ptr<RateLimits> create_redis_rate_limits(const RedisCacheOptions& options);

}  // namespace pricewire::access
