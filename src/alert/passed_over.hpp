#pragma once

#include <compare>
#include <cstdint>

#include "base/uuid.hpp"

namespace pricewire::alert {

// A firing of an alert with terms that was not written, since the alert's row had another revision, another number of
// firings, or was not active.
struct PassedOver {
    Uuid alert_id;
    std::int64_t revision = 1;
    std::int64_t number = 1;
    friend auto operator<=>(const PassedOver&, const PassedOver&) = default;
};

}  // namespace pricewire::alert
