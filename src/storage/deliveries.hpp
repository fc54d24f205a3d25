#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"
#include "domain/delivery.hpp"
#include "storage/alerts.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// under_way: an attempt is being made, so a retry cannot be requested.
// used_up: its user has asked for it max_user_retries times already.
// endpoint_disabled: its URL is not called for this user.
// device_removed: it is a push, and its device is not notified any more.
enum class RetryError { not_found, under_way, used_up, endpoint_disabled, device_removed };
// too_many: max_unfinished_tests of the alert have not ended yet.
// endpoint_disabled: as in RetryError. key_used: as in CreateAlertError.
enum class TestError { not_found, too_many, endpoint_disabled, key_used };
// final: the delivery has already ended.
enum class CancelError { not_found, final };

// How long attempts are counted by endpoint.
constexpr Duration keep_endpoint_calls = std::chrono::hours{25};

struct DeliveryFilter {
    std::optional<DeliveryState> state;
    std::optional<Uuid> alert_id;
    std::optional<std::string> webhook_url = {};
    std::optional<DeliveryKind> kind = {};
    // The first digit of the last attempt's HTTP status, 0 if it had no answer.
    std::optional<int> status_class = {};
    std::optional<Timestamp> since;  // created at or after
    std::optional<Timestamp> until;  // created before
    std::size_t limit = 100;         // 1 to 1000
    std::optional<Uuid> before;      // cursor: only deliveries after this id in the listing
    std::optional<Uuid> back_to;     // and up to this one

    // Whether it asks for something that no index finds.
    bool is_selective() const { return webhook_url || kind || status_class; }
};

// Which deliveries a recovery retries.
struct RecoverFilter {
    std::vector<DeliveryState> states = {DeliveryState::failed};  // final ones, but for delivered
    std::optional<Timestamp> until = {};                          // created before
    std::optional<std::string> webhook_url = {};
    bool dry_run = false;  // says what it would do
};

// The last attempt of a delivery that sent anything.
struct SentRequest {
    int attempt = 1;
    std::string body;
};

// What a step of a recovery did.
struct Recovery {
    std::vector<DeliveryTask> tasks;  // of the deliveries that are due again
    std::size_t used_up = 0;          // passed over, as RetryError says
    std::size_t endpoint_disabled = 0;
    std::optional<Uuid> last;  // where to continue; nullopt if there are no more
};

// Deliveries as users see and control them. Part of Storage: see there for threads and durability.
class Deliveries {
public:
    virtual ~Deliveries() = default;

    // Newest first (by id). Deliveries of deleted alerts are included.
    virtual std::vector<DeliveryView> deliveries(const Uuid& user_id, const DeliveryFilter& filter) = 0;
    // The `count`th delivery of a listing with this filter, without its state and `limit`: as back_to, it bounds
    // how many are looked at. nullopt if there are fewer.
    virtual std::optional<Uuid> delivery_horizon(const Uuid& user_id, const DeliveryFilter& filter,
                                                 std::size_t count) = 0;
    virtual std::optional<DeliveryView> delivery(const Uuid& user_id, const Uuid& delivery_id) = 0;
    // In order, with the receivers' answers; the last max_kept_attempts.
    virtual std::vector<Attempt> attempts_of(const Uuid& delivery_id) = 0;
    // nullopt if there is none, or it was made by a version that did not keep bodies.
    virtual std::optional<SentRequest> last_request(const Uuid& delivery_id) = 0;
    // Makes a delivery due at once, with its full time again. One that has ended, whatever its final state was,
    // gets one attempt more, at most max_user_retries times.
    virtual std::expected<DeliveryTask, RetryError> retry_delivery(const Uuid& user_id,
                                                                   const Uuid& delivery_id,
                                                                   Timestamp now) = 0;
    virtual std::expected<void, CancelError> cancel_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                             Timestamp now) = 0;
    // retry_delivery() for those webhooks that the filter wants among the next `limit` in its states that were created at or after
    // `since`, oldest first, after the delivery `after`.
    virtual Recovery recover_deliveries(const Uuid& user_id, Timestamp since, Timestamp now,
                                        std::size_t limit, std::optional<Uuid> after,
                                        const RecoverFilter& filter = {}) = 0;
    // Writes a delivery of kind test that reports `price` for the alert, fired or not, due at once. Of an
    // alert's tests that have ended, the last max_kept_tests are kept.
    virtual std::expected<void, TestError> add_test_delivery(const Uuid& user_id, const Uuid& alert_id,
                                                             const Uuid& delivery_id, Decimal price,
                                                             Timestamp now,
                                                             const IdempotentRequest* request = nullptr) = 0;
    // The same for what no alert says yet: the carrier is written as one that its user has deleted already, if there is
    // none with its id. Tests with one carrier are bounded as those of an alert.
    virtual std::expected<void, TestError> add_endpoint_test(const Alert& carrier, const Uuid& delivery_id,
                                                             Decimal price, Timestamp now,
                                                             const IdempotentRequest* request = nullptr) = 0;
    // What has become of webhooks to the URLs from the first to the last, by URL; attempts are counted from `since` on, by
    // the hour, within keep_endpoint_calls. URLs that were never called are left out.
    virtual std::vector<EndpointRecord> endpoint_records(const Uuid& user_id, std::string_view first_url,
                                                         std::string_view last_url, Timestamp since) = 0;

    // Removes at most `limit` rows: deliveries that have ended and were created before `before`, with their
    // attempts; deleted alerts and users that nothing refers to any more; boards of prices that fired before then;
    // replaced rules that no delivery needs; by `now`, what is kept for a fixed time, such as answers. Returns how many it
    // removed: fewer than `limit` means that nothing is left to remove.
    virtual std::size_t prune(Timestamp before, std::size_t limit, Timestamp now = system_clock().now()) = 0;
};

}  // namespace pricewire::storage
