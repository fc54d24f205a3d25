#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/sealed.hpp"
#include "ops/config.hpp"
#include "ops/master_key.hpp"
#include "storage/users.hpp"

namespace pricewire::app {

// How long one who starts or rotates waits for another who is at work on the keys.
constexpr Duration key_work_patience = std::chrono::seconds{60};

// What users' secrets in a storage are sealed with. A user has one or, after a rotation of theirs, two.
struct SecretsSurvey {
    std::size_t in_clear = 0;
    std::map<std::string, std::size_t> sealed;  // by the key's id; empty: sealed by no key there can be
    std::size_t not_under(const std::string& id) const;
    // Those under keys that are not among `keys`.
    std::map<std::string, std::size_t> missing(const MasterKeys& keys) const;
};
SecretsSurvey survey_secrets(storage::Users& storage);

struct Sealing {
    std::size_t users = 0;     // whose secrets were sealed anew
    std::size_t secrets = 0;   // that were sealed anew
    std::size_t in_clear = 0;  // of them, those that had stood there in the clear
    std::size_t failed = 0;    // that cannot be opened and stay as they are; the log says whose
};
// Puts every secret that is not under the box's current key under it. One that somebody else changes
// meanwhile is looked at again. Safe to be ended anywhere and to be done by several at once.
Sealing seal_secrets(storage::Users& storage, const SecretBox& box, const ops::Step& step = {});

// "3 secrets under the key 0123abcd" and so on, for messages.
std::string describe_missing(const std::map<std::string, std::size_t>& missing);

// Where the master keys of a database are kept, when the configuration does not hold one.
struct KeyPlaces {
    std::filesystem::path key_file;
    // Held by the process that has the database open; nullopt where several may.
    std::optional<std::filesystem::path> database_lock;
};
// With an embedded database beside it; with a shared one security.master_key_file.
KeyPlaces key_places_of(const ops::Config& config);

// What serve starts with: finds the master key in the configuration, else in the key file, which is made
// where there is none and no secret needs one; seals what is in the clear or under an earlier key; then drops
// earlier keys from the file. Other processes that have keys of this database in use must have them from the
// same file, or the same configuration. Error: a key that secrets are sealed with is missing; nothing has
// been changed.
Result<std::unique_ptr<SecretBox>> open_secrets(const ops::Config& config,
                                                const std::filesystem::path& key_file,
                                                storage::Users& storage);

}  // namespace pricewire::app
