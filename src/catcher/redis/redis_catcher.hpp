#pragma once

#include <cstddef>
#include <memory>

#include "access/redis/redis_cache_options.hpp"
#include "catcher/catcher.hpp"

namespace pricewire::catcher {

struct RedisCatcherOptions : access::RedisCacheOptions {
    std::size_t max_addresses = 1000;
};

// For all processes that use that Redis. Throws std::invalid_argument if the URL is not valid.
std::unique_ptr<Catcher> create_redis_catcher(const RedisCatcherOptions& options);

}  // namespace pricewire::catcher
