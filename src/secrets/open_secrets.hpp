#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "secrets/sealed.hpp"
#include "storage/storage.hpp"

namespace pricewire::secrets {

// How long a start or a rotation waits for another process that holds the key file's lock.
constexpr Duration key_lock_patience = std::chrono::seconds{60};

// Where the master keys of a database are.
struct KeyPlaces {
    std::optional<MasterKey> configured;  // the current key; nullopt: the first key in the key file
    std::vector<MasterKey> previous;      // configured as well, only for opening
    std::filesystem::path key_file;
    // Held by the process that has the database open; nullopt if several processes may have it open.
    std::optional<std::filesystem::path> database_lock;
};

// Opens the secrets at a start: takes the configured master key, else the one in the key file, which is
// created if it does not exist and no secret needs it; reseals secrets that are in the clear or under a
// previous key; then drops previous keys from the file. All processes that share a database must use the same
// key file or the same configured key. Error: a key that secrets are sealed under is missing; nothing has
// been changed.
Result<std::unique_ptr<SecretBox>> open_secrets(const KeyPlaces& places, storage::Storage& storage);

}  // namespace pricewire::secrets
