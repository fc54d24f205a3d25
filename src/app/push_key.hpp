#pragma once

#include <optional>

#include "base/mutex.hpp"
#include "base/p256.hpp"
#include "base/result.hpp"
#include "secrets/secret_box.hpp"
#include "storage/pushes.hpp"

namespace pricewire::app {

// The key by which push services recognize this server: the same in all processes on a database, made by whichever needs it
// first. Thread-safe.
class PushKey {
public:
    PushKey(storage::Pushes& storage, const secrets::SecretBox& secrets)
        : storage_(storage), secrets_(secrets) {}
    // Error: what is stored cannot be opened. Throws StorageError; asks the storage until it has succeeded.
    Result<P256KeyPair> get();

private:
    storage::Pushes& storage_;
    const secrets::SecretBox& secrets_;
    Mutex mutex_;
    std::optional<P256KeyPair> key_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::app
