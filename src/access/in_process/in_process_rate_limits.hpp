#pragma once

#include <cstddef>
#include <memory>

#include "access/rate_limits.hpp"

namespace pricewire::access {

// The buckets of one process. At most `max_buckets` are kept; a full bucket says no more than none and is
// forgotten first, then the one that was asked for longest ago.
std::unique_ptr<RateLimits> create_in_process_rate_limits(std::size_t max_buckets = 200'000);

}  // namespace pricewire::access
