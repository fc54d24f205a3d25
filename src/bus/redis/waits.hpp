#pragma once

#include <chrono>
#include <string_view>

#include "base/clock.hpp"
#include "redis/connection.hpp"

namespace pricewire::bus {

// Of connections that write to Redis, and of those that read a stream.
inline constexpr redis::Timeouts stream_timeouts{.connect = std::chrono::seconds{1},
                                                 .command = std::chrono::milliseconds{1500}};
inline constexpr std::string_view block_ms = "500";
// A peer that should answer every 500 ms and is silent for this long is taken for dead.
inline constexpr Duration read_timeout = std::chrono::seconds{2};

}  // namespace pricewire::bus
