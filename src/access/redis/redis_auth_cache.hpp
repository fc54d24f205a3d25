#pragma once

#include <memory>

#include "access/auth_cache.hpp"
#include "access/redis/redis_cache_options.hpp"

namespace pricewire::access {

struct RedisAuthCacheOptions : RedisCacheOptions {
    // Upper bound on how long a process that missed the eviction accepts a disabled user.
    Duration ttl = std::chrono::seconds{60};
};

// A cache shared by all processes that use the same Redis; an eviction by one process applies to all. While
// Redis is unavailable get() returns nullopt, so callers ask the database, and evictions are queued: they are
// applied before anything is read again. It stores users under the SHA-256 of their keys, as the database
// does, and never a key. Throws std::invalid_argument if the URL is invalid.
std::unique_ptr<AuthCache> create_redis_auth_cache(const RedisAuthCacheOptions& options);

}  // namespace pricewire::access
