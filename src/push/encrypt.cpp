#include "push/encrypt.hpp"

#include <algorithm>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/crypto.hpp"

namespace pricewire::push {
namespace {

constexpr std::size_t record_size = 4096;
constexpr char last_record = 2;  // the delimiter behind the text

std::string_view as_text(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// HKDF (RFC 5869) for at most 32 bytes: one round of expansion.
Sha256 derive(std::span<const std::uint8_t> salt, std::span<const std::uint8_t> secret, std::string info) {
    info += '\1';
    return hmac_sha256(hmac_sha256(salt, as_text(secret)), info);
}

std::string labelled(std::string_view label) {
    return std::string(label) + '\0';
}

std::vector<std::uint8_t> encrypted(std::string_view message, const Sha256& secret,
                                    const std::array<std::uint8_t, 16>& salt) {
    const Sha256 key = derive(salt, secret, labelled("Content-Encoding: aes128gcm"));
    const Sha256 nonce = derive(salt, secret, labelled("Content-Encoding: nonce"));
    const std::string plain = std::string(message) + last_record;
    return aes_128_gcm(std::span(key).first<16>(), std::span(nonce).first<12>(), as_bytes(plain));
}

std::string_view without_padding(std::string_view text) {
    return text.substr(0, text.find_last_not_of('=') + 1);
}

}  // namespace

Result<BrowserKeys> parse_browser_keys(std::string_view p256dh, std::string_view auth) {
    const auto point = base64url_decode(without_padding(p256dh));
    const auto key = point ? p256_public_key(*point) : std::nullopt;
    if (!key) return fail("keys.p256dh must be a point of the curve P-256, uncompressed, in base64url");
    BrowserKeys keys{.p256dh = *key, .auth = {}};
    const auto secret = base64url_decode(without_padding(auth));
    if (!secret || secret->size() != keys.auth.size()) return fail("keys.auth must be 16 bytes in base64url");
    std::ranges::copy(*secret, keys.auth.begin());
    return keys;
}

std::string encrypt_push(std::string_view message, const BrowserKeys& keys) {
    std::array<std::uint8_t, 16> salt;
    random_bytes(salt);
    return encrypt_push(message, keys, make_p256_key_pair(), salt);
}

std::string encrypt_push(std::string_view message, const BrowserKeys& keys, const P256KeyPair& own,
                         const std::array<std::uint8_t, 16>& salt) {
    if (message.size() > max_push_message) throw std::length_error("a push message is too long");
    std::string info = labelled("WebPush: info");
    info.append(as_text(keys.p256dh)).append(as_text(own.public_key));
    const Sha256 secret = derive(keys.auth, p256_shared_secret(own, keys.p256dh), std::move(info));

    // RFC 8188, section 2.1: salt, record size, length of the key's name, the name.
    std::string body(as_text(salt));
    for (const int shift : {24, 16, 8, 0}) body += static_cast<char>(record_size >> shift & 0xff);
    body += static_cast<char>(own.public_key.size());
    return body.append(as_text(own.public_key)).append(as_text(encrypted(message, secret, salt)));
}

}  // namespace pricewire::push
