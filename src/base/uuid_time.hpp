#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "base/uuid.hpp"

namespace pricewire::inline base {

// The beginning of the millisecond in which a version 7 id (RFC 9562) was made, by the clock of the process that made it.
inline Timestamp made_from(const Uuid& id) {
    std::int64_t ms = 0;
    for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | id.bytes[i];
    return from_micros(ms * 1000);
}
// The end of that millisecond.
inline Timestamp made_at(const Uuid& id) {
    return made_from(id) + std::chrono::microseconds{999};
}

}  // namespace pricewire::inline base
