#include "deliver/signature.hpp"

#include <array>

#include "base/crypto.hpp"

namespace pricewire {
namespace {

constexpr std::string_view secret_prefix = "whsec_";

}  // namespace

std::string make_webhook_secret() {
    std::array<std::uint8_t, 32> bytes;
    random_bytes(bytes);
    return std::string(secret_prefix) + base64_encode(bytes);
}

Result<std::vector<std::uint8_t>> parse_webhook_secret(std::string_view secret) {
    if (secret.starts_with(secret_prefix)) {
        auto bytes = base64_decode(secret.substr(secret_prefix.size()));
        if (bytes && !bytes->empty()) return std::move(*bytes);
    }
    return fail("the webhook secret is not \"whsec_\" and base64");
}

Result<std::string> sign_webhook(std::string_view secret, std::string_view id, std::int64_t timestamp,
                                 std::string_view body) {
    const auto key = parse_webhook_secret(secret);
    if (!key) return std::unexpected(key.error());
    const std::string time = std::to_string(timestamp);
    std::string content;
    content.reserve(id.size() + time.size() + body.size() + 2);
    content.append(id).append(1, '.').append(time).append(1, '.').append(body);
    return "v1," + base64_encode(hmac_sha256(*key, content));
}

}  // namespace pricewire
