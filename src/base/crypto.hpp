#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Hashes, MACs, encodings and randomness, on OpenSSL. Stateless, thread-safe. A failing primitive throws
// std::runtime_error: nothing sensible can go on without it.
namespace pricewire {

using Sha256 = std::array<std::uint8_t, 32>;

// Fills `out` from the kernel's generator.
void random_bytes(std::span<std::uint8_t> out);

Sha256 sha256(std::string_view data);
Sha256 hmac_sha256(std::span<const std::uint8_t> key, std::string_view data);

// Equal length and content, in time that depends on the length alone.
bool equal_constant_time(std::string_view a, std::string_view b);

// RFC 4648 §4, with padding; decode refuses anything else.
std::string base64_encode(std::span<const std::uint8_t> data);
std::optional<std::vector<std::uint8_t>> base64_decode(std::string_view text);
// RFC 4648 §5, without padding: what stands in keys and cursors.
std::string base64url_encode(std::span<const std::uint8_t> data);
std::string hex_encode(std::span<const std::uint8_t> data);

inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace pricewire
