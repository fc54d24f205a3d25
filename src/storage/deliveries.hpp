#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/decimal.hpp"
#include "base/uuid.hpp"
#include "domain/delivery.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// under_way: an attempt is being made, so a retry cannot be requested.
enum class RetryError { not_found, under_way };
// final: the delivery has already ended.
enum class CancelError { not_found, final };

struct DeliveryFilter {
    std::optional<DeliveryState> state;
    std::optional<Uuid> alert_id;
    std::optional<Timestamp> since;  // created at or after
    std::optional<Timestamp> until;  // created before
    std::size_t limit = 100;         // 1 to 1000
    std::optional<Uuid> before;      // cursor: only deliveries after this id in the listing
};

// Deliveries as users see and control them. Part of Storage: see there for threads and durability.
class Deliveries {
public:
    virtual ~Deliveries() = default;

    // Newest first (by id). Deliveries of deleted alerts are included.
    virtual std::vector<DeliveryView> deliveries(const Uuid& user_id, const DeliveryFilter& filter) = 0;
    virtual std::optional<DeliveryView> delivery(const Uuid& user_id, const Uuid& delivery_id) = 0;
    // In order, with the receivers' answers.
    virtual std::vector<Attempt> attempts_of(const Uuid& delivery_id) = 0;
    // Makes a delivery due at once, with all its attempts and its full time again; one that has ended starts
    // over, whatever its final state was.
    virtual std::expected<DeliveryTask, RetryError> retry_delivery(const Uuid& user_id,
                                                                   const Uuid& delivery_id,
                                                                   Timestamp now) = 0;
    virtual std::expected<void, CancelError> cancel_delivery(const Uuid& user_id, const Uuid& delivery_id,
                                                             Timestamp now) = 0;
    // retry_delivery() for up to `limit` failed ones that were created at or after `since`, oldest first.
    virtual std::vector<DeliveryTask> recover_deliveries(const Uuid& user_id, Timestamp since, Timestamp now,
                                                         std::size_t limit) = 0;
    // Writes a delivery of kind test that reports `price` for the alert, fired or not, due at once. False if
    // the user has no such alert.
    virtual bool add_test_delivery(const Uuid& user_id, const Uuid& alert_id, const Uuid& delivery_id,
                                   Decimal price, Timestamp now) = 0;

    // Removes at most `limit` rows: deliveries that have ended and were created before `before`, with their
    // attempts; deleted alerts and users that nothing refers to any more. Returns how many it removed: fewer
    // than `limit` means that nothing is left to remove.
    virtual std::size_t prune(Timestamp before, std::size_t limit) = 0;
};

}  // namespace pricewire::storage
