#pragma once

#include <cstddef>
#include <memory>

#include "access/auth_cache.hpp"
#include "base/clock.hpp"

namespace pricewire::access {

struct AuthCacheOptions {
    std::size_t max_entries = 100'000;  // beyond, the least recently used of a sixteenth of them goes
    Duration ttl = std::chrono::hours{1};
};

// The cache of one process. `clock` outlives it.
std::unique_ptr<AuthCache> create_in_process_auth_cache(const Clock& clock,
                                                        const AuthCacheOptions& options = {});

}  // namespace pricewire::access
