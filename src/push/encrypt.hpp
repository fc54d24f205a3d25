#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/p256.hpp"
#include "base/result.hpp"

// Encryption of push messages for one browser: RFC 8291, in the coding aes128gcm of RFC 8188. Pure, any thread.
namespace pricewire::push {

// What a browser gives away when it subscribes.
struct BrowserKeys {
    P256PublicKey p256dh;
    std::array<std::uint8_t, 16> auth;
    friend bool operator==(const BrowserKeys&, const BrowserKeys&) = default;
};
// Both in base64url, with or without padding. Error: what is wrong, without the keys.
Result<BrowserKeys> parse_browser_keys(std::string_view p256dh, std::string_view auth);

// Push services take bodies of at least 4,096 bytes (RFC 8030, section 7.2); the coding adds 103.
constexpr std::size_t max_push_message = 4096 - 103;

// The request's body, with a new key and salt each time. Throws if `message` is longer than max_push_message.
std::string encrypt_push(std::string_view message, const BrowserKeys& keys);
// With those given: for test vectors.
std::string encrypt_push(std::string_view message, const BrowserKeys& keys, const P256KeyPair& own,
                         const std::array<std::uint8_t, 16>& salt);

}  // namespace pricewire::push
