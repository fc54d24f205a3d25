#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "domain/alert.hpp"

namespace pricewire {

// pending     waits for next_attempt_at
// delivering  claimed by a sender until its lease ends
// delivered   a receiver said 2xx; final
// failed      its attempts are spent; final
enum class DeliveryState : std::uint8_t { pending, delivering, delivered, failed };
std::string_view to_string(DeliveryState s);
std::optional<DeliveryState> parse_delivery_state(std::string_view text);

// "Delivery N, attempt k is due." A hint: the database is the truth.
struct DeliveryTask {
    Uuid delivery_id;
    int attempt = 1;  // from 1
};

// A delivery claimed for one attempt, with all that is needed to make it.
struct ClaimedDelivery {
    Uuid id;
    int attempt = 1;  // the number this attempt will have
    Timestamp created_at;
    Alert alert;  // fired: triggered_at and triggered_price are set
    std::string webhook_secret;
};

// One attempt that was made.
struct Attempt {
    Uuid delivery_id;
    int number = 1;
    Timestamp started_at;
    Duration duration{};
    std::optional<int> status;  // HTTP status, where an answer came
    std::string error;          // one plain sentence; empty on success
};

// An attempt and what it makes of its delivery; written in one transaction.
struct AttemptOutcome {
    Attempt attempt;
    DeliveryState next = DeliveryState::delivered;  // pending, delivered or failed
    std::optional<Timestamp> next_attempt_at;       // set where next is pending
};

// A delivery as it is shown.
struct DeliveryView {
    Uuid id;
    Uuid alert_id;
    DeliveryState state = DeliveryState::pending;
    int attempts = 0;  // made so far
    Timestamp created_at;
    std::optional<Timestamp> next_attempt_at;
    std::optional<Timestamp> finished_at;
};

}  // namespace pricewire
