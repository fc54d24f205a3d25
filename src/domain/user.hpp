#pragma once

#include <string>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/uuid.hpp"

namespace pricewire {

struct User {
    Uuid id;
    std::string email;
    bool is_active = true;
    Timestamp created_at;
};

// What is stored for a new user. The API key itself is never stored: it is 256 random bits, so a plain
// SHA-256 of it is enough.
struct NewUser {
    User user;
    Sha256 api_key_hash;
    std::string webhook_secret;  // "whsec_" and base64
};

}  // namespace pricewire
