#pragma once

#include <cstddef>
#include <memory>

#include "access/auth_cache.hpp"
#include "base/clock.hpp"

namespace pricewire::access {

struct AuthCacheOptions {
    // beyond, the least recently used entry of one of 16 shards is evicted
    std::size_t max_entries = 100'000;
    Duration ttl = std::chrono::hours{1};
};

// A cache for one process. `clock` must outlive it.
std::unique_ptr<AuthCache> create_in_process_auth_cache(const Clock& clock,
                                                        const AuthCacheOptions& options = {});

}  // namespace pricewire::access
