#pragma once

#include <string>
#include <vector>

#include "app/secrets.hpp"
#include "base/result.hpp"
#include "ops/config.hpp"
#include "ops/master_key.hpp"
#include "storage/users.hpp"

namespace pricewire::app {

// Seals all secrets anew. With a key file: under a fresh key, which is in the file, beside the earlier ones,
// before anything is sealed with it; the earlier ones are dropped where no other process has the database
// open, else the next serve drops them at its start. With security.master_key: under that key, which the
// operator has changed. Killed anywhere, every secret can still be opened with the keys in the file, and
// another run finishes. Returns what to tell the operator, line by line. Error: what is missing or in the
// way; nothing is lost.
Result<std::vector<std::string>> rotate_master_key(const ops::Config& config, const KeyPlaces& places,
                                                   storage::Users& storage, const ops::Step& step = {});

}  // namespace pricewire::app
