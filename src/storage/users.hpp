#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/uuid.hpp"
#include "domain/user.hpp"
#include "storage/error.hpp"

namespace pricewire::storage {

enum class CreateUserError { email_taken };

// A user's sealed secrets, for resealing.
struct StoredSecrets {
    Uuid user_id;
    WebhookSecrets secrets;
};

// Users, their API keys and their webhook secrets. Part of Storage: see there for threads and durability.
class Users {
public:
    virtual ~Users() = default;

    // E-mail addresses are compared case-insensitively.
    virtual std::expected<void, CreateUserError> create_user(const NewUser& user) = 0;
    virtual std::optional<User> user_by_key_hash(const Sha256& api_key_hash) = 0;
    virtual std::optional<User> user_by_email(std::string_view email) = 0;
    // All users, oldest first; for the operator's command line.
    virtual std::vector<User> users() = 0;
    // False if there is no such user. Raises user_changed.
    virtual bool set_user_active(const Uuid& user_id, bool active) = 0;
    // The old key stops working. False if there is no such user. Raises user_changed.
    virtual bool replace_api_key(const Uuid& user_id, const Sha256& api_key_hash) = 0;
    // The user's key stops working, the e-mail address becomes free, alerts are deleted, unfinished
    // deliveries are cancelled and secrets are erased; prune() removes the rest in small steps. False if
    // there is no such user. Raises user_changed, and alert_changed(deleted) for every active alert.
    virtual bool delete_user(const Uuid& user_id, Timestamp now) = 0;

    // Secrets are opaque here: text that the caller has sealed.
    virtual std::optional<WebhookSecrets> webhook_secrets(const Uuid& user_id) = 0;
    // Makes the current secret the previous one, valid until `previous_until`, and `sealed` the current one.
    // False if there is no such user.
    virtual bool rotate_webhook_secret(const Uuid& user_id, std::string_view sealed,
                                       Timestamp previous_until) = 0;
    // The secrets of up to `limit` users, by id, after the given one.
    virtual std::vector<StoredSecrets> secrets_after(std::optional<Uuid> user_id, std::size_t limit) = 0;
    // Replaces `old` by `fresh`; false if the secrets are no longer `old`. The old ones are overwritten, not
    // only unlinked.
    virtual bool replace_secrets(const Uuid& user_id, const WebhookSecrets& old,
                                 const WebhookSecrets& fresh) = 0;
};

}  // namespace pricewire::storage
