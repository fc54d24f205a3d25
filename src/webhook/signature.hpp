#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/user.hpp"
#include "secrets/secret_box.hpp"

// Signatures of Standard Webhooks, specification 1.0.0:
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. The receiver
// gets the headers webhook-id, webhook-timestamp and webhook-signature. The last is one or more of these,
// separated by a space, each over "{id}.{timestamp}.{body}":
//   "v1,"  and the base64 of HMAC-SHA256 under the secret's bytes; the secret is "whsec_" and base64
//   "v1a," and the base64 of Ed25519 under the private key; the secret is "whsk_" and base64
// The specification does not define the bytes of a key pair. Here, as at Svix, whose test vector the test
// uses, "whsk_" holds the seed's 32 bytes followed by the public key's 32, and "whpk_" the public key's.
namespace pricewire::webhook {

// A new secret: 32 bytes from the kernel's generator (for v1 the specification asks for 24 to 64).
NewWebhookSecret make_webhook_secret(SignatureScheme scheme);

// What may be shown of a secret.
struct SecretInfo {
    SignatureScheme scheme = SignatureScheme::v1;
    std::string public_key;  // "whpk_…" for v1a; empty for v1

    bool operator==(const SecretInfo&) const = default;
};
// Error, also of the functions below: not a valid secret; the message does not contain it.
Result<SecretInfo> describe_secret(std::string_view secret);

// One signature. `timestamp` is in seconds since 1970, as in webhook-timestamp.
Result<std::string> sign_webhook(std::string_view secret, std::string_view id, std::int64_t timestamp,
                                 std::string_view body);

// The value of webhook-signature: signed with the current secret and then, while it is valid, with the
// previous one. Both are sealed for `context`. Error: one of them cannot be opened or is not a valid secret.
Result<std::string> sign_delivery(const WebhookSecrets& secrets, const secrets::SecretBox& box,
                                  std::string_view context, std::string_view id, std::int64_t timestamp,
                                  std::string_view body);

}  // namespace pricewire::webhook
