#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "secrets/key_file.hpp"
#include "secrets/open_secrets.hpp"
#include "storage/storage.hpp"

namespace pricewire::secrets {

// Reseals all secrets under a new master key. With a key file: under a fresh key, written to the file beside
// the previous ones before anything is sealed under it; the previous keys are dropped if no other process has
// the database open, else at the next start. With a configured key: under that key, which the operator has
// changed. If killed at any point, every secret can still be opened with the keys in the file, and another
// run completes the rotation. Returns a report for the operator, one string per line. Error: a missing key or
// a busy lock; no secret is lost.
Result<std::vector<std::string>> rotate_master_key(const KeyPlaces& places, storage::Storage& storage,
                                                   const Step& step = {});

}  // namespace pricewire::secrets
