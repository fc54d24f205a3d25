#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/uuid.hpp"
#include "domain/push.hpp"
#include "storage/alerts.hpp"
#include "storage/deliveries.hpp"

namespace pricewire::storage {

// key_used: as in CreateAlertError. not_found: there is no such user.
enum class PutPushError { limit_reached, key_used, not_found };

struct PutPush {
    PushSubscription stored;
    bool is_new = true;
};

// The devices that are notified of users' alerts, and the server's own keys. Part of Storage: see there for threads and
// durability. Every firing and expiry of an alert writes, beside its webhook and in the same transaction, one delivery for
// each of its user's devices.
class Pushes {
public:
    virtual ~Pushes() = default;

    // Stores a subscription, or replaces the keys and the label of the user's one with that endpoint, which stays what it
    // was. One that another user has with it is removed, since the browser is this user's now. `limit` bounds a user's
    // subscriptions. The answer that is kept with `request` is what `answer` makes of the result: pure and quick, it sets
    // `status` too and may be called again.
    using AnswerOf = std::function<void(const PutPush& put, IdempotentRequest& request)>;
    virtual std::expected<PutPush, PutPushError> put_push(const PushSubscription& subscription,
                                                          std::size_t limit,
                                                          const IdempotentRequest* request = nullptr,
                                                          const AnswerOf& answer = {}) = 0;
    // Oldest first.
    virtual std::vector<PushSubscription> pushes(const Uuid& user_id) = 0;
    virtual std::optional<PushSubscription> push(const Uuid& user_id, const Uuid& id) = 0;
    // Its deliveries that have not ended are cancelled. False if the user has no such subscription.
    virtual bool remove_push(const Uuid& user_id, const Uuid& id, Timestamp now) = 0;
    // Writes a test for the device, due at once. It belongs to the carrier, as in add_endpoint_test(), whose id is the
    // subscription's: so a device's tests are bounded as those of an alert.
    virtual std::expected<void, TestError> add_push_test(const Alert& carrier, const Uuid& delivery_id,
                                                         Timestamp now,
                                                         const IdempotentRequest* request = nullptr) = 0;

    // Secrets that all processes on this database share, by name: opaque text that the caller has sealed.
    virtual std::optional<std::string> server_key(std::string_view name) = 0;
    // Stores one unless there is one already, and returns the one that is stored.
    virtual std::string keep_server_key(std::string_view name, std::string_view sealed) = 0;

    // For resealing: subscriptions by id, up to `limit` after the given one; the names of server keys.
    virtual std::vector<PushSubscription> pushes_after(std::optional<Uuid> id, std::size_t limit) = 0;
    virtual std::vector<std::string> server_keys() = 0;
    // Replace `old` by `fresh`; false if it is no longer `old`.
    virtual bool replace_push_keys(const Uuid& id, std::string_view old, std::string_view fresh) = 0;
    virtual bool replace_server_key(std::string_view name, std::string_view old, std::string_view fresh) = 0;
};

}  // namespace pricewire::storage
