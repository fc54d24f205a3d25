#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "domain/alert.hpp"
#include "domain/market.hpp"
#include "domain/user.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

// endpoint_disabled: the URL answered 410 to this user's webhooks.
enum class CreateAlertError { duplicate, limit_reached, endpoint_disabled };

struct AlertFilter {
    std::optional<bool> is_active;
    std::optional<Ticker> ticker;
    std::size_t limit = 100;     // 1 to 1000
    std::optional<Uuid> before;  // cursor: only alerts after this id in the listing
};

// Alerts and the endpoints they name. Part of Storage: see there for threads and durability.
class Alerts {
public:
    virtual ~Alerts() = default;

    // An identical active alert is one with the same user, ticker, target, condition and URL; a unique
    // partial index rejects a second one. `limit` bounds the user's active alerts. Raises
    // alert_changed(created).
    virtual std::expected<void, CreateAlertError> create_alert(const Alert& alert, std::size_t limit) = 0;
    virtual std::optional<Alert> alert(const Uuid& user_id, const Uuid& alert_id) = 0;
    // Newest first (by id: ids are version 7).
    virtual std::vector<Alert> alerts(const Uuid& user_id, const AlertFilter& filter) = 0;
    // Hides the alert from its user; a delivery already written for it is still sent. False if the user has
    // no such alert. Raises alert_changed(deleted) if it was active.
    virtual bool delete_alert(const Uuid& user_id, const Uuid& alert_id) = 0;
    // One consistent snapshot of all active alerts, passed on in pieces, in any order, on the calling thread.
    virtual void load_active_alerts(const std::function<void(std::span<const ActiveAlert>)>& piece) = 0;

    // The URLs of a user's alerts, at most `limit`, disabled ones first, each part by URL; only those that follow
    // `after`, if it is given.
    virtual std::vector<UserEndpoint> endpoints(const Uuid& user_id, std::size_t limit,
                                                const std::optional<UserEndpoint>& after = {}) = 0;
    // Lets webhooks to the URL be sent again. False if it was not disabled.
    virtual bool enable_endpoint(const Uuid& user_id, std::string_view webhook_url) = 0;
};

}  // namespace pricewire::storage
