#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "secrets/key_file.hpp"
#include "secrets/sealed.hpp"
#include "storage/storage.hpp"

namespace pricewire::secrets {

// What a server key of that name (storage::Pushes) is sealed for.
std::string server_key_context(std::string_view name);

// Which keys the secrets in a storage are sealed under: a user's one, or two after rotating it; those of devices; the
// server's own.
struct SecretsSurvey {
    std::size_t in_clear = 0;
    std::map<std::string, std::size_t> sealed;  // by key id; empty id: damaged, names no valid key
    std::size_t not_under(const std::string& id) const;
    // The part of `sealed` whose keys are not among `keys`.
    std::map<std::string, std::size_t> missing(const MasterKeys& keys) const;
};
SecretsSurvey survey_secrets(storage::Storage& storage);

struct Sealing {
    std::size_t users = 0;     // with a resealed secret
    std::size_t secrets = 0;   // resealed
    std::size_t in_clear = 0;  // those among them that were stored in the clear
    std::size_t failed = 0;    // cannot be opened and were left unchanged; the log names their users
};
// Reseals every secret that is not under the box's current key. A secret that changes meanwhile is retried.
// May be interrupted at any point and run concurrently.
Sealing seal_secrets(storage::Storage& storage, const SecretBox& box, const Step& step = {});

// For messages: "3 secrets under key 0123abcd, …".
std::string describe_missing(const std::map<std::string, std::size_t>& missing);

}  // namespace pricewire::secrets
