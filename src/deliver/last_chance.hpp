#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.hpp"
#include "domain/delivery.hpp"

// A delivery that waits behind an open breaker gets an attempt before its deadline, whatever the breaker says:
// none whose receiver works expires without one.
namespace pricewire::deliver {

// How near the deadline is when a delivery need not wait for the breaker any longer.
constexpr Duration last_chance = std::chrono::seconds{20};
// One that found no room then comes back after this.
constexpr Duration last_chance_again = std::chrono::seconds{5};

// No attempt was made since it was written, or since its user asked for it again (a round beyond those of the
// policy, see ClaimedDelivery::round).
inline bool is_untried(const ClaimedDelivery& claim, int attempts_of_policy) {
    return claim.round == 1 || claim.round > attempts_of_policy;
}

inline bool has_last_chance(const ClaimedDelivery& claim, int attempts_of_policy, Timestamp now) {
    return is_untried(claim, attempts_of_policy) && now >= claim.deadline - last_chance;
}

// When a deferred delivery is due again: at `wanted`, but in time for its last chance, and to expire at its
// deadline.
inline Timestamp deferred_until(const ClaimedDelivery& claim, int attempts_of_policy, Timestamp wanted,
                                Timestamp now) {
    if (is_untried(claim, attempts_of_policy))
        wanted = std::min(wanted, std::max(claim.deadline - last_chance, now + last_chance_again));
    return std::min(wanted, std::max(claim.deadline, now + std::chrono::seconds{1}));
}

}  // namespace pricewire::deliver
