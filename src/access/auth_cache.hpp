#pragma once

#include <cstdint>
#include <optional>

#include "base/crypto.hpp"
#include "base/uuid.hpp"
#include "domain/user.hpp"

namespace pricewire::access {

// Maps API key hashes to active users. Bounded; entries expire after an hour at most. Thread-safe.
class AuthCache {
public:
    virtual ~AuthCache() = default;
    virtual std::optional<User> get(const Sha256& api_key_hash) = 0;
    // `generation` is the value of generation() before the user was read from storage. If an eviction
    // happened in between, the entry is not stored, so a user disabled in the meantime does not enter the
    // cache.
    virtual void put(const Sha256& api_key_hash, const User& user, std::uint64_t generation) = 0;
    virtual std::uint64_t generation() const = 0;
    // Removes the user's entries before it returns; nullopt removes all entries.
    virtual void evict(std::optional<Uuid> user_id) = 0;
};

}  // namespace pricewire::access
