#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "base/secret_box.hpp"

// Secrets sealed under a master key. A sealed text is
//   "sealed:1:" <key's id, 8 hexadecimal digits> ":" <base64url of what AES-256-GCM makes, without padding>
// and its authentication covers all before the last part, and the context.
namespace pricewire::inline base {

using MasterKey = SymmetricKey;

struct MasterKeys {
    MasterKey current{};
    std::vector<MasterKey> previous;  // for opening alone
};

// No secret that is sealed is longer, in bytes.
constexpr std::size_t max_secret_size = 4096;

// A key's name, for messages and sealed texts: the first 8 hexadecimal digits of the SHA-256 of a label and
// the key. Says nothing about the key.
std::string key_id(const MasterKey& key);

// Whether the text claims to be sealed; anything else is a secret in the clear.
bool is_sealed(std::string_view text);
// The id of the key that a sealed text names; empty where it names none.
std::string_view key_id_of(std::string_view sealed);

// Immutable. seal() throws std::invalid_argument for a secret that is too long.
std::unique_ptr<SecretBox> create_secret_box(const MasterKeys& keys);

}  // namespace pricewire::inline base
