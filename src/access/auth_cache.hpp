#pragma once

#include <cstdint>
#include <optional>

#include "base/crypto.hpp"
#include "base/uuid.hpp"
#include "domain/user.hpp"

namespace pricewire::access {

// Remembers which key hash belongs to which active user. Bounded, entries live an hour at most. Thread-safe.
class AuthCache {
public:
    virtual ~AuthCache() = default;
    virtual std::optional<User> get(const Sha256& api_key_hash) = 0;
    // `generation` is generation() as read before the user was read from storage; the entry is not kept where
    // an eviction came between, so a user disabled meanwhile cannot slip in.
    virtual void put(const Sha256& api_key_hash, const User& user, std::uint64_t generation) = 0;
    virtual std::uint64_t generation() const = 0;
    // The user's entries are gone when this returns; nullopt means everybody's.
    virtual void evict(std::optional<Uuid> user_id) = 0;
};

}  // namespace pricewire::access
