#pragma once

#include <stdexcept>

namespace pricewire::redis {

// Redis cannot be reached, did not answer in time, or returned an error. The text may name the host, but
// never a password. The connection must not be used any further.
struct RedisError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace pricewire::redis
