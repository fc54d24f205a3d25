#pragma once

#include <string>

#include "base/clock.hpp"
#include "domain/user.hpp"
#include "secrets/secret_box.hpp"

namespace pricewire::api {

// "sk_live_" and 32 random bytes in base64url.
std::string make_api_key();

// A user that is not stored yet, and the key, of which only a hash will be stored.
struct NewAccount {
    NewUser stored;
    std::string api_key;
};
// `email` has been checked.
NewAccount make_account(std::string email, const NewWebhookSecret& secret, const secrets::SecretBox& box,
                        Timestamp now);

}  // namespace pricewire::api
