#pragma once

#include <memory>

#include "access/auth_cache.hpp"
#include "access/redis/redis_cache_options.hpp"

namespace pricewire::access {

struct RedisAuthCacheOptions : RedisCacheOptions {
    // How long a user who was disabled could at most be let in by a process that no eviction reached.
    Duration ttl = std::chrono::seconds{60};
};

// The cache of all processes that share a Redis; an eviction by one is one for all. While Redis is away get()
// knows nobody, so the database is asked, and evictions wait: they are made before anything is read again.
// What is stored is the user beside the SHA-256 of the key, which the database has as well, never a key.
// Throws std::invalid_argument where the URL is none.
std::unique_ptr<AuthCache> create_redis_auth_cache(const RedisAuthCacheOptions& options);

}  // namespace pricewire::access
