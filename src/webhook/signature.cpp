#include "webhook/signature.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "base/crypto.hpp"

namespace pricewire::webhook {
namespace {

constexpr std::string_view shared_prefix = "whsec_";
constexpr std::string_view private_prefix = "whsk_";
constexpr std::string_view public_prefix = "whpk_";

std::unexpected<Error> no_secret() {
    return fail("the webhook secret is not \"whsec_\" or \"whsk_\" and base64");
}

std::optional<std::vector<std::uint8_t>> shared_key(std::string_view secret) {
    auto bytes = base64_decode(secret.substr(shared_prefix.size()));
    if (bytes && bytes->empty()) bytes.reset();
    return bytes;
}

std::optional<Ed25519KeyPair> key_pair(std::string_view secret) {
    const auto bytes = base64_decode(secret.substr(private_prefix.size()));
    Ed25519KeyPair pair;
    if (!bytes || bytes->size() != pair.seed.size() + pair.public_key.size()) return std::nullopt;
    std::copy_n(bytes->begin(), pair.seed.size(), pair.seed.begin());
    std::copy_n(bytes->begin() + pair.seed.size(), pair.public_key.size(), pair.public_key.begin());
    return pair;
}

std::string content(std::string_view id, std::int64_t timestamp, std::string_view body) {
    const std::string time = std::to_string(timestamp);
    std::string out;
    out.reserve(id.size() + time.size() + body.size() + 2);
    out.append(id).append(1, '.').append(time).append(1, '.').append(body);
    return out;
}

Result<std::string> sign(std::string_view secret, std::string_view content) {
    if (secret.starts_with(shared_prefix)) {
        if (const auto key = shared_key(secret)) return "v1," + base64_encode(hmac_sha256(*key, content));
    } else if (secret.starts_with(private_prefix)) {
        if (const auto pair = key_pair(secret)) return "v1a," + base64_encode(ed25519_sign(*pair, content));
    }
    return no_secret();
}

}  // namespace

NewWebhookSecret make_webhook_secret(SignatureScheme scheme) {
    std::array<std::uint8_t, 32> bytes;
    random_bytes(bytes);
    if (scheme == SignatureScheme::v1) {
        std::string secret = std::string(shared_prefix) + base64_encode(bytes);
        return {.secret = secret, .shown = secret};
    }
    const Ed25519PublicKey public_key = ed25519_public_key(bytes);
    std::array<std::uint8_t, bytes.size() + public_key.size()> pair;
    std::copy(public_key.begin(), public_key.end(), std::copy(bytes.begin(), bytes.end(), pair.begin()));
    return {.secret = std::string(private_prefix) + base64_encode(pair),
            .shown = std::string(public_prefix) + base64_encode(public_key)};
}

Result<SecretInfo> describe_secret(std::string_view secret) {
    if (secret.starts_with(shared_prefix) && shared_key(secret)) return SecretInfo{SignatureScheme::v1, {}};
    if (!secret.starts_with(private_prefix)) return no_secret();
    const auto pair = key_pair(secret);
    if (!pair) return no_secret();
    return SecretInfo{SignatureScheme::v1a,
                      std::string(public_prefix) + base64_encode(ed25519_public_key(pair->seed))};
}

Result<std::string> sign_webhook(std::string_view secret, std::string_view id, std::int64_t timestamp,
                                 std::string_view body) {
    return sign(secret, content(id, timestamp, body));
}

Result<std::string> sign_delivery(const WebhookSecrets& secrets, const secrets::SecretBox& box,
                                  std::string_view context, std::string_view id, std::int64_t timestamp,
                                  std::string_view body) {
    const std::string signed_text = content(id, timestamp, body);
    const auto sign_sealed = [&](std::string_view sealed) -> Result<std::string> {
        const auto secret = box.open(sealed, context);
        if (!secret) return std::unexpected(secret.error());
        return sign(*secret, signed_text);
    };
    auto signature = sign_sealed(secrets.current);
    if (!signature || secrets.previous.empty() || !secrets.previous_until ||
        *secrets.previous_until <= Timestamp(std::chrono::seconds(timestamp))) {
        return signature;
    }
    const auto previous = sign_sealed(secrets.previous);
    if (!previous) return std::unexpected(previous.error());
    return *signature + " " + *previous;
}

}  // namespace pricewire::webhook
