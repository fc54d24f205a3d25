#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domain/user.hpp"
#include "secrets/secret_box.hpp"
#include "storage/storage.hpp"

namespace pricewire::api {

// "sk_live_" and 32 random bytes in base64url.
std::string make_api_key();

// A user that is not stored yet, and the key, of which only a hash will be stored.
struct NewAccount {
    NewUser stored;
    std::string api_key;
};
// The user of an address, in whatever spelling it is stored.
std::optional<User> find_user(storage::Storage& storage, std::string_view email);

// `email` is one of parse_email().
NewAccount make_account(std::string email, const NewWebhookSecret& secret, const secrets::SecretBox& box,
                        Timestamp now);

}  // namespace pricewire::api
