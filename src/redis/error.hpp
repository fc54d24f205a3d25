#pragma once

#include <stdexcept>

namespace pricewire::redis {

// Redis cannot be reached, did not answer in time, or refused. The text names the host at most, never a
// password. The connection it happened on is of no further use.
struct RedisError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace pricewire::redis
