#pragma once

#include <cstddef>
#include <string>

#include "base/clock.hpp"

namespace pricewire::access {

struct RedisCacheOptions {
    std::string url;                    // see redis::parse_url()
    std::string prefix = "pricewire:";  // of every key
    std::size_t connections = 4;        // 1 to 64
    Duration connect_timeout = std::chrono::seconds{1};
    // For a command, and again for getting a free connection before it. Requests wait no longer than that.
    Duration command_timeout = std::chrono::milliseconds{50};
};

}  // namespace pricewire::access
