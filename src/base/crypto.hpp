#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Hashes, MACs, encryption, signatures, encodings and randomness, on OpenSSL. Stateless, thread-safe. A
// primitive that fails throws std::runtime_error.
namespace pricewire::inline base {

using Sha256 = std::array<std::uint8_t, 32>;

// Fills `out` from the kernel's generator.
void random_bytes(std::span<std::uint8_t> out);

Sha256 sha256(std::string_view data);
Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::string_view data);

// Compares in time that depends on the length alone.
bool equal_constant_time(std::string_view a, std::string_view b);

using SymmetricKey = std::array<std::uint8_t, 32>;

// AES-256 in Galois/Counter Mode. Source: NIST SP 800-38D. Sealed bytes are a random nonce of 12 bytes, the
// cipher text (as long as the plain text) and a tag of 16. `context` is authenticated with them but not
// contained in them. One key is good for 2^32 seals (section 8.3), as its nonces are random.
std::vector<std::uint8_t> aes_gcm_seal(const SymmetricKey& key, std::span<const std::uint8_t> plain,
                                       std::string_view context);
// The plain bytes; nullopt if key, context or any bit differs from those at sealing.
std::optional<std::vector<std::uint8_t>> aes_gcm_open(const SymmetricKey& key,
                                                      std::span<const std::uint8_t> sealed,
                                                      std::string_view context);

// AES-128 in the same mode with a nonce of the caller's: the cipher text and a tag of 16. A pair of key and nonce is good
// for one text.
std::vector<std::uint8_t> aes_128_gcm(std::span<const std::uint8_t, 16> key,
                                      std::span<const std::uint8_t, 12> nonce,
                                      std::span<const std::uint8_t> plain);

// Ed25519 (RFC 8032, section 5.1). The seed is the private key. The public key follows from it, but signing
// needs both, and deriving it each time would double the cost. Signing with a public key that does not belong
// to the seed gives invalid signatures that reveal the seed.
using Ed25519Seed = std::array<std::uint8_t, 32>;
using Ed25519PublicKey = std::array<std::uint8_t, 32>;
using Ed25519Signature = std::array<std::uint8_t, 64>;
struct Ed25519KeyPair {
    Ed25519Seed seed;
    Ed25519PublicKey public_key;
};
Ed25519PublicKey ed25519_public_key(const Ed25519Seed& seed);
Ed25519Signature ed25519_sign(const Ed25519KeyPair& pair, std::string_view message);
bool ed25519_verify(const Ed25519PublicKey& key, std::string_view message, const Ed25519Signature& signature);

// RFC 4648 §4, with padding; decode refuses anything else.
std::string base64_encode(std::span<const std::uint8_t> data);
std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text);
// RFC 4648 §5, without padding: for keys, cursors and sealed texts; decode refuses anything else.
std::string base64url_encode(std::span<const std::uint8_t> data);
std::optional<std::vector<std::uint8_t>> base64url_decode(std::string_view text);
std::string hex_encode(std::span<const std::uint8_t> data);

inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace pricewire::inline base
