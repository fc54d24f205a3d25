#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "domain/alert.hpp"
#include "domain/enum_names.hpp"
#include "domain/user.hpp"

namespace pricewire::inline domain {

// pending     waits for next_attempt_at
// delivering  claimed by a sender until its lease ends
// delivered   a receiver said 2xx; final
// failed      its attempts are spent, or its endpoint does not want any; final
// expired     not delivered within the alert's deliver_within; final
// cancelled   by its user; final
enum class DeliveryState : std::uint8_t { pending, delivering, delivered, failed, expired, cancelled };
inline constexpr auto delivery_state_names = enum_names<DeliveryState>({
    {DeliveryState::pending, "pending"},
    {DeliveryState::delivering, "delivering"},
    {DeliveryState::delivered, "delivered"},
    {DeliveryState::failed, "failed"},
    {DeliveryState::expired, "expired"},
    {DeliveryState::cancelled, "cancelled"},
});
constexpr std::string_view to_string(DeliveryState s) {
    return delivery_state_names.name(s);
}
constexpr std::optional<DeliveryState> parse_delivery_state(std::string_view text) {
    return delivery_state_names.parse(text);
}
constexpr bool is_final(DeliveryState s) {
    return s != DeliveryState::pending && s != DeliveryState::delivering;
}

// What a delivery tells: that its alert has fired, or that its user wanted to see a webhook arrive.
enum class DeliveryKind : std::uint8_t { alert, test };
inline constexpr auto delivery_kind_names = enum_names<DeliveryKind>({
    {DeliveryKind::alert, "alert"},
    {DeliveryKind::test, "test"},
});
constexpr std::string_view to_string(DeliveryKind k) {
    return delivery_kind_names.name(k);
}
constexpr std::optional<DeliveryKind> parse_delivery_kind(std::string_view text) {
    return delivery_kind_names.parse(text);
}

// "Delivery N, attempt k is due." A hint: the database is the truth.
struct DeliveryTask {
    Uuid delivery_id;
    int attempt = 1;  // from 1
    Uuid user_id{};   // whose it is; set by Storage::fire() alone, no queue carries it
};

// That a user's delivery was written or has changed. A hint to those who show it: the database says what it
// is now.
struct DeliveryNotice {
    Uuid user_id;
    Uuid delivery_id;
    bool fired = false;  // written just now, because its alert has fired
    friend bool operator==(const DeliveryNotice&, const DeliveryNotice&) = default;
};

// A delivery claimed for one attempt, with all that is needed to make it.
struct ClaimedDelivery {
    Uuid id;
    int attempt = 1;  // the number this attempt will have
    // Attempts that count against the policy's limit, this one included: those since the delivery was
    // written, or since its user asked for it again.
    int round = 1;
    DeliveryKind kind = DeliveryKind::alert;
    Timestamp created_at;
    Timestamp deadline;  // an attempt that starts later is worth nothing
    // triggered_at and triggered_price are set: of the firing, or, in a test, of the test.
    Alert alert;
    WebhookSecrets secrets;
};

// How long each phase of an attempt took; nullopt where it was not reached, or not needed (a reused
// connection, an address as a host).
struct AttemptTimes {
    std::optional<Duration> dns;
    std::optional<Duration> connect;
    std::optional<Duration> tls;
    std::optional<Duration> first_byte;  // from the request's end to the answer's first byte
    friend bool operator==(const AttemptTimes&, const AttemptTimes&) = default;
};

// Of a receiver's answer, this much is kept.
constexpr std::size_t max_kept_answer = 1024;

// One attempt that was made.
struct Attempt {
    Uuid delivery_id;
    int number = 1;
    Timestamp started_at;
    Duration duration{};
    std::optional<int> status;    // HTTP status, where an answer came
    std::string error;            // one plain sentence; empty on success
    std::string remote_ip;        // the address that was used; empty where there was none
    std::string request_headers;  // a JSON object, without secrets; empty where nothing was sent
    std::string answer;           // the first bytes of the answer's body, as they came
    AttemptTimes times;
};

// What comes of a claimed delivery; written in one transaction. `attempt` is not set where none was made: the
// deadline had passed, or the endpoint is disabled.
struct DeliveryOutcome {
    Uuid delivery_id;
    int attempt_number = 1;  // the claim's: one that is not the delivery's next is ignored (fencing)
    std::optional<Attempt> attempt;
    DeliveryState next = DeliveryState::delivered;
    std::optional<Timestamp> next_attempt_at;  // set where next is pending
    std::string reason;  // why it was not delivered, in one sentence; empty where it was
    Timestamp ended_at;
    // The receiver said 410: the user's deliveries to this URL end from now on.
    bool disable_endpoint = false;
    Uuid user_id{};  // whose it is, for notices of it; the storage does not look at it
};

// A claim given back without an attempt: to be claimed again at `until`, or when `lane` is woken.
struct Deferral {
    Uuid delivery_id;
    int attempt_number = 1;  // the claim's
    Timestamp until;
    std::string lane;  // the endpoint it waits for: "https://example.com:443"
    Uuid user_id{};    // as of an outcome
};

// A delivery as it is shown.
struct DeliveryView {
    Uuid id;
    Uuid alert_id;
    Ticker ticker;
    std::string webhook_url;
    DeliveryKind kind = DeliveryKind::alert;
    DeliveryState state = DeliveryState::pending;
    int attempts = 0;  // made so far
    Timestamp created_at;
    Timestamp deadline;
    std::optional<Timestamp> next_attempt_at;
    std::optional<Timestamp> finished_at;
    std::string reason;              // why it is not delivered (yet); may be empty
    std::optional<int> last_status;  // of the last attempt
};

// Whether attempts at an endpoint are made. Source: Michael Nygard, "Release It!", "Circuit Breaker".
// closed     attempts are made
// open       none is made until retry_at
// half_open  one is made, to see
enum class BreakerState : std::uint8_t { closed, open, half_open };
inline constexpr auto breaker_state_names = enum_names<BreakerState>({
    {BreakerState::closed, "closed"},
    {BreakerState::open, "open"},
    {BreakerState::half_open, "half_open"},
});
constexpr std::string_view to_string(BreakerState s) {
    return breaker_state_names.name(s);
}
constexpr std::optional<BreakerState> parse_breaker_state(std::string_view text) {
    return breaker_state_names.parse(text);
}

// The breaker of one scheme, host and port, as its sender told it last.
struct Breaker {
    std::string endpoint;  // "https://example.com:443"
    BreakerState state = BreakerState::closed;
    int failures = 0;                   // in a row
    std::optional<Timestamp> retry_at;  // where open
    std::string reason;                 // the last failure
    Timestamp changed_at;
};

}  // namespace pricewire::inline domain
