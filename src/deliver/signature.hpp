#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

// Symmetric signatures of Standard Webhooks, version v1. Source: "Standard Webhooks", specification 1.0.0,
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: the receiver
// gets the headers webhook-id, webhook-timestamp and webhook-signature, the last being "v1," and the base64
// of HMAC-SHA256, under the secret's bytes, of "{id}.{timestamp}.{body}".
namespace pricewire {

// A fresh secret: "whsec_" and the base64 of 32 bytes from the kernel's generator (the specification asks for
// 24 to 64).
std::string make_webhook_secret();

// The bytes of a secret, which is written as "whsec_" and base64. Error: it is not; the text does not show
// it.
Result<std::vector<std::uint8_t>> parse_webhook_secret(std::string_view secret);

// The value of webhook-signature. `timestamp` is in seconds since 1970, as in webhook-timestamp. Error: as
// parse_webhook_secret.
Result<std::string> sign_webhook(std::string_view secret, std::string_view id, std::int64_t timestamp,
                                 std::string_view body);

}  // namespace pricewire
