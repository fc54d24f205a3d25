#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.hpp"
#include "secrets/secret_box.hpp"

// The format of sealed secrets:
//   "sealed:1:" <key id, 8 hexadecimal digits> ":" <base64url of the AES-256-GCM output, without padding>
// Everything before the last part, and the context, is authenticated.
namespace pricewire::secrets {

using MasterKey = SymmetricKey;

struct MasterKeys {
    MasterKey current{};
    std::vector<MasterKey> previous;  // only for opening
};

// The longest secret that can be sealed, in bytes.
constexpr std::size_t max_secret_size = 4096;

// A key's name in messages and sealed texts: the first 8 hexadecimal digits of the SHA-256 of a label and the
// key. Reveals nothing about the key.
std::string key_id(const MasterKey& key);
// The ids of all keys, the current one first.
std::vector<std::string> key_ids(const MasterKeys& keys);
// `keys`, and `more` for opening.
MasterKeys with_keys(MasterKeys keys, const std::vector<MasterKey>& more);

// Whether the text claims to be sealed; any other text is a secret in the clear.
bool is_sealed(std::string_view text);
// The id of the key that a sealed text names; empty if it names none.
std::string_view key_id_of(std::string_view sealed);

// Immutable. seal() throws std::invalid_argument if the secret is too long.
std::unique_ptr<SecretBox> create_secret_box(const MasterKeys& keys);

}  // namespace pricewire::secrets
