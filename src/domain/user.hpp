#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/crypto.hpp"
#include "base/uuid.hpp"
#include "domain/enum_names.hpp"

namespace pricewire::inline domain {

struct User {
    Uuid id;
    std::string email;
    bool is_active = true;
    Timestamp created_at;
};

// How webhooks are signed (Standard Webhooks): v1 is HMAC-SHA256 with a secret that both sides have, v1a is
// Ed25519 with a private key that only Pricewire has.
enum class SignatureScheme : std::uint8_t { v1, v1a };
inline constexpr auto signature_scheme_names = enum_names<SignatureScheme>({
    {SignatureScheme::v1, "v1"},
    {SignatureScheme::v1a, "v1a"},
});
constexpr std::string_view to_string(SignatureScheme s) {
    return signature_scheme_names.name(s);
}
constexpr std::optional<SignatureScheme> parse_signature_scheme(std::string_view text) {
    return signature_scheme_names.parse(text);
}

// A new secret, unsealed, and what its user is shown: for v1 the secret itself ("whsec_…"), for v1a the
// public key ("whpk_…") that belongs to it ("whsk_…").
struct NewWebhookSecret {
    std::string secret;
    std::string shown;
};

// The secrets that sign a user's webhooks, sealed (secrets/secret_box.hpp): neither the database nor a log
// contains an unsealed one.
struct WebhookSecrets {
    std::string current;
    // The secret before the last rotation, and until when webhooks are also signed with it; empty if there is
    // none.
    std::string previous;
    std::optional<Timestamp> previous_until;
    friend bool operator==(const WebhookSecrets&, const WebhookSecrets&) = default;
};

// What is stored for a new user. The API key itself is never stored: it is 256 random bits, so a plain
// SHA-256 of it is enough.
struct NewUser {
    User user;
    Sha256 api_key_hash;
    std::string webhook_secret;  // sealed
};

// A URL used by a user's alerts, as the user sees it.
struct UserEndpoint {
    std::string webhook_url;
    std::optional<Timestamp> disabled_at;  // it answered 410, or refused too often
    std::string reason;
};

}  // namespace pricewire::inline domain
