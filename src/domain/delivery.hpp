#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "domain/alert.hpp"
#include "domain/enum_names.hpp"
#include "domain/push.hpp"
#include "domain/user.hpp"

namespace pricewire::inline domain {

// pending     waits for next_attempt_at
// delivering  claimed by a sender until its lease ends
// delivered   the receiver answered 2xx; final
// failed      no attempts are left, or the endpoint is disabled; final
// expired     not delivered within the alert's deliver_within; final
// cancelled   by the user; final
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

// Why a delivery exists: its alert has fired, its user asked for a test, or its alert's life has ended. Of a DeliveryView
// also `push`: one of these, to a device.
enum class DeliveryKind : std::uint8_t { alert, test, expired, push };
inline constexpr auto delivery_kind_names = enum_names<DeliveryKind>({
    {DeliveryKind::alert, "alert"},
    {DeliveryKind::test, "test"},
    {DeliveryKind::expired, "expired"},
    {DeliveryKind::push, "push"},
});
constexpr std::string_view to_string(DeliveryKind k) {
    return delivery_kind_names.name(k);
}
constexpr std::optional<DeliveryKind> parse_delivery_kind(std::string_view text) {
    return delivery_kind_names.parse(text);
}

// "Attempt k of delivery N is due." A hint: the database is the truth.
struct DeliveryTask {
    Uuid delivery_id;
    int attempt = 1;    // from 1
    Uuid user_id{};     // its owner, nil if not known
    bool push = false;  // it is one to a device; not carried by queues
};

// Those that are webhooks: in what Storage::fire() returns, they come first.
constexpr std::span<const DeliveryTask> webhooks_of(std::span<const DeliveryTask> tasks) {
    while (!tasks.empty() && tasks.back().push) tasks = tasks.first(tasks.size() - 1);
    return tasks;
}

// A user's delivery was written or has changed, or one of the user's alerts was created, changed or deleted. A hint for
// the live stream, which reads from the database what has that id.
struct DeliveryNotice {
    Uuid user_id;
    Uuid id;
    // It is new: an alert that was just created, or a delivery whose alert has just fired or come to the end of its life.
    bool is_new = false;
    friend bool operator==(const DeliveryNotice&, const DeliveryNotice&) = default;
};

// What a delivery of an alert with terms says beside the price and its time, as of its firing.
struct DeliveredFiring {
    std::int64_t number = 1;  // of an expiry and of a test the firings so far
    std::int64_t revision = 1;
    std::shared_ptr<const Terms> terms;  // of that revision; in the plain form null
    // Of an expiry and of a test: what the alert shows as its target, 0 if nothing.
    Decimal level;
    Condition condition = Condition::gt;
    std::string evidence;  // a JSON object; empty of a test and in the plain form
};

// A firing as users see it, for as long as its delivery is kept.
struct FiringView {
    Uuid delivery_id;
    Timestamp fired_at;
    // Unset for firings that are older than these columns, and for an expiry without a price.
    std::optional<Timestamp> price_time;
    std::optional<Decimal> price;
    std::optional<LateFiring> late;
    DeliveredFiring said;
    // The sources at the firing, as a JSON array, and when they were read; empty if not known.
    std::string board;
    std::optional<Timestamp> board_at;
};

// A delivery claimed for one attempt, with everything the attempt needs.
struct ClaimedDelivery {
    Uuid id;
    int attempt = 1;  // the number of this attempt
    // Attempts that count against the policy's limit, including this one. Far above any limit if the user asked
    // for this attempt: there is no other after it.
    int round = 1;
    DeliveryKind kind = DeliveryKind::alert;
    Timestamp created_at;
    Timestamp deadline;  // no attempt starts later
    // triggered_at and triggered_price are set: by this delivery's own firing, or by the test. Of an expiry, the price
    // may be unset.
    Alert alert;
    std::optional<DeliveredFiring> firing;  // of an alert with terms; these are set
    WebhookSecrets secrets;
    std::optional<PushTarget> push;  // set if it goes to a device, not to the alert's webhook_url
};

// How long each phase of an attempt took; nullopt if the phase was not reached or not needed (the connection
// was reused, the host is an address).
struct AttemptTimes {
    std::optional<Duration> dns;
    std::optional<Duration> connect;
    std::optional<Duration> tls;
    std::optional<Duration> first_byte;  // from the end of the request to the first byte of the response
    friend bool operator==(const AttemptTimes&, const AttemptTimes&) = default;
};

// How much of a response's body is kept, in bytes.
constexpr std::size_t max_kept_answer = 1024;
// How many attempts of a delivery are kept, the last ones.
constexpr std::size_t max_kept_attempts = 20;
// How often a user may ask for one delivery again after it has ended; each gives one attempt.
constexpr int max_user_retries = 10;
// Of one alert's test deliveries: how many may wait or be under way, and how many of those that have ended are
// kept.
constexpr std::size_t max_unfinished_tests = 5;
constexpr std::size_t max_kept_tests = 50;

// A URL that answers so does not want webhooks, whatever they hold. After max_refusals in a row of one user's,
// over all deliveries and without any other answer in between, it is disabled for that user as after 410. The
// number is also in the storages' queries.
constexpr bool is_refusal(int status) {
    return status == 401 || status == 403 || status == 404 || status == 405;
}
constexpr int max_refusals = 50;

struct Attempt {
    Uuid delivery_id;
    int number = 1;
    Timestamp started_at;
    Duration duration{};
    std::optional<int> status;    // HTTP status; nullopt without a response
    std::string error;            // one plain sentence; on success, if anything, why the body is not whole
    std::string remote_ip;        // the address connected to; empty if there was none
    std::string request_headers;  // a JSON object, without secrets; empty if nothing was sent
    std::string request_body;     // as sent; empty if nothing was sent. Written, but not read with attempts
    std::string answer;           // the first max_kept_answer bytes of the response's body, unchanged
    AttemptTimes times;
};

// The outcome of a claimed delivery; written in one transaction. `attempt` is unset if none was made: the
// deadline had passed, or the endpoint is disabled.
struct DeliveryOutcome {
    Uuid delivery_id;
    int attempt_number = 1;  // the claim's; ignored if it is not the delivery's next (fencing)
    std::optional<Attempt> attempt;
    DeliveryState next = DeliveryState::delivered;
    std::optional<Timestamp> next_attempt_at;  // set if next is pending
    std::string reason;                        // why it was not delivered, in one sentence; empty if it was
    Timestamp ended_at;
    // The receiver answered 410: the URL is disabled for this user.
    bool disable_endpoint = false;
    bool over_budget = false;  // no attempt was made, since its user's are used up for now; for metrics
    // Its owner and its alert's URL, for notices and for counting refusals.
    Uuid user_id{};
    std::string webhook_url;  // empty of a push
    // Of a push: its device, which is removed with all that waits for it if the push service says that it is gone.
    std::optional<Uuid> push_id = {};
    bool push_gone = false;
};

// A claim returned without an attempt; it can be claimed again at `until`, or from `lane` at any time.
struct Deferral {
    Uuid delivery_id;
    int attempt_number = 1;  // the claim's
    Timestamp until;
    std::string lane;  // what it waits for: a name that the sender makes
    Uuid user_id{};    // as in DeliveryOutcome
};

// The device that a delivery goes to.
struct PushedDevice {
    Uuid id;
    DeliveryKind of = DeliveryKind::alert;  // what the delivery tells of: never `push`
    // Empty if the device was removed since.
    std::string endpoint = {};
    std::string label = {};
};

// A delivery as users see it.
struct DeliveryView {
    Uuid id;
    Uuid alert_id;
    Ticker ticker;
    std::string webhook_url;
    DeliveryKind kind = DeliveryKind::alert;
    DeliveryState state = DeliveryState::pending;
    int attempts = 0;     // made so far
    int round_start = 0;  // of those that do not count against the policy's limit; see max_attempts_of()
    Timestamp created_at;
    Timestamp deadline;
    std::optional<Timestamp> next_attempt_at;
    std::optional<Timestamp> finished_at;
    std::string reason;                       // why it has not been delivered; may be empty
    std::optional<int> last_status;           // of the last attempt
    std::optional<LateFiring> late;           // set if its alert has fired late
    std::optional<FiringView> firing;         // of an alert with terms; not of a test
    std::optional<PushedDevice> device = {};  // set if it is a push
};

// Where round_start is, below the attempts made, after a user has asked for a delivery again: so far that the next attempt
// is the last under any policy.
constexpr int restarted_below = 1'000'000;

// After how many attempts in all a delivery fails, under a policy of that many.
constexpr int max_attempts_of(const DeliveryView& delivery, int policy) {
    if (delivery.round_start < 0) return delivery.round_start + restarted_below + 1;
    return delivery.round_start + policy;
}

// Whether an endpoint is called. Source: Michael Nygard, "Release It!", "Circuit Breaker".
// closed     attempts are made
// open       no attempt until retry_at
// half_open  one attempt at a time, to probe
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

// The breaker of a user's deliveries to one scheme, host and port, as its sender last reported it.
struct Breaker {
    Uuid user_id{};
    std::string endpoint;  // "https://example.com:443"
    BreakerState state = BreakerState::closed;
    int failures = 0;                   // in a row
    std::optional<Timestamp> retry_at;  // set if open
    std::string reason;                 // the last failure
    Timestamp changed_at;
};

// How long attempts that were answered took, within the bounds of latency_bounds: a count for each, the last for all that
// took longer.
constexpr std::array<int, 22> latency_bounds{1,   2,   3,   5,   7,   10,  15,   20,   30,   50,   70,
                                             100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000};
using LatencyCounts = std::array<std::int64_t, latency_bounds.size() + 1>;
// The place of a duration among them.
constexpr std::size_t latency_place(Duration took) {
    std::size_t place = 0;
    while (place < latency_bounds.size() && took > std::chrono::milliseconds{latency_bounds[place]}) ++place;
    return place;
}

// What has become of a user's webhooks to a URL.
struct EndpointRecord {
    std::string webhook_url;
    // Set if it was ever called, as far as that is kept.
    std::optional<Timestamp> success_at;
    std::optional<Timestamp> failure_at;
    std::string failure;                // of the last failed attempt, in one sentence
    std::optional<int> failure_status;  // its HTTP status
    // Attempts of the time that was asked for.
    std::int64_t attempts = 0;
    std::int64_t succeeded = 0;
    LatencyCounts latency{};  // of those that were answered
};

}  // namespace pricewire::inline domain
