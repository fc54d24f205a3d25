#pragma once

#include <cstddef>
#include <memory>

#include "access/rate_limits.hpp"

namespace pricewire::access {

// Buckets for one process, at most `max_buckets`. Full buckets are dropped first, since they carry no
// information, then the least recently used one.
std::unique_ptr<RateLimits> create_in_process_rate_limits(std::size_t max_buckets = 200'000);

}  // namespace pricewire::access
