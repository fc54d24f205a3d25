#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

// The elliptic curve P-256 (NIST SP 800-186), on OpenSSL. Stateless, thread-safe. A primitive that fails throws
// std::runtime_error.
namespace pricewire::inline base {

using P256PrivateKey = std::array<std::uint8_t, 32>;  // big-endian
// A point in its uncompressed form (SEC 1, section 2.3.3): 4, x, y.
using P256PublicKey = std::array<std::uint8_t, 65>;
struct P256KeyPair {
    P256PrivateKey private_key;
    P256PublicKey public_key;
};

P256KeyPair make_p256_key_pair();
// The pair that a private key belongs to; nullopt if it is 0 or not below the order of the curve.
std::optional<P256KeyPair> p256_key_pair(const P256PrivateKey& private_key);
// nullopt unless it is a point of the curve in that form.
std::optional<P256PublicKey> p256_public_key(std::span<const std::uint8_t> bytes);

// ECDH: the x coordinate that both sides compute. Throws if `other` is not a point of the curve.
std::array<std::uint8_t, 32> p256_shared_secret(const P256KeyPair& own, const P256PublicKey& other);

// ECDSA with SHA-256; r and s side by side (RFC 7518, section 3.4).
using P256Signature = std::array<std::uint8_t, 64>;
P256Signature p256_sign(const P256KeyPair& pair, std::string_view message);
bool p256_verify(const P256PublicKey& key, std::string_view message, const P256Signature& signature);

}  // namespace pricewire::inline base
