#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/uuid.hpp"

namespace pricewire::inline domain {

// How many devices of a user are notified.
constexpr std::size_t max_push_subscriptions = 20;
// In bytes. What browsers make is a tenth of the former; the label is the user's.
constexpr std::size_t max_push_endpoint = 2048;
constexpr std::size_t max_push_label = 100;

// A browser that wants notifications of all of its user's alerts (RFC 8030, W3C Push API). The endpoint is a capability:
// whoever has it can make the push service try, so users and logs are shown its host alone.
struct PushSubscription {
    Uuid id;
    Uuid user_id;
    std::string endpoint;  // a URL of the browser's push service; no two subscriptions have the same
    // "<p256dh> <auth>", as the browser gave them (base64url), sealed for the user.
    std::string keys;
    std::string label;  // the user's name for the device
    Timestamp created_at;
    // The last attempt that was made for it, if it succeeded and if it failed.
    std::optional<Timestamp> success_at = {};
    std::optional<Timestamp> failure_at = {};
    std::string failure = {};  // of the latter, in one sentence
};

// Where a claimed delivery goes if it goes to a device in place of its alert's webhook_url.
struct PushTarget {
    Uuid subscription_id;
    // As in PushSubscription; empty if the subscription was removed.
    std::string endpoint;
    std::string keys;
    std::string label;
    bool is_gone() const { return endpoint.empty(); }
};

}  // namespace pricewire::inline domain
