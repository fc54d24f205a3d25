#pragma once

#include <memory>

#include "access/gate.hpp"
#include "access/redis/redis_cache_options.hpp"

namespace pricewire::access {

class RedisAuthCache;
class RedisRateLimits;

// What this process knows already, or has leased, is answered at once. The rest is asked on one connection, in one script for
// each request; requests that come while Redis answers others are sent together. If Redis is unavailable or does not answer
// in time, a bucket local to this process applies the limit, and only users known here are found. Both outlive the gate.
// Throws std::invalid_argument if the URL is invalid.
std::unique_ptr<Gate> create_redis_gate(const RedisCacheOptions& options, RedisAuthCache& keys,
                                        RedisRateLimits& limits);

}  // namespace pricewire::access
