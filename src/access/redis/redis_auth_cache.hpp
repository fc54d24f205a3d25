#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/auth_cache.hpp"
#include "access/redis/pool.hpp"
#include "access/redis/redis_cache_options.hpp"
#include "base/mutex.hpp"
#include "redis/connection.hpp"
#include "redis/url.hpp"

namespace pricewire::access {

struct RedisAuthCacheOptions : RedisCacheOptions {
    // Upper bound on how long a process that missed the eviction accepts a disabled user.
    Duration ttl = std::chrono::seconds{60};
    // Upper bound on how long a process accepts a user without asking Redis again, that is, one whom another process has
    // evicted. Its own evictions count at once.
    Duration local_ttl = std::chrono::milliseconds{250};
};

// A cache shared by all processes that use the same Redis; an eviction by one process applies to all, within local_ttl.
// While Redis is unavailable get() returns nullopt, so callers ask the database, and evictions are queued: they are
// applied before anything is read again. It stores users under the SHA-256 of their keys, as the database
// does, and never a key.
class RedisAuthCache final : public AuthCache {
public:
    RedisAuthCache(const RedisAuthCacheOptions& options, const redis::Address& address);

    std::optional<User> get(const Sha256& api_key_hash) override;
    void put(const Sha256& api_key_hash, const User& user, std::uint64_t generation) override;
    std::uint64_t generation() const override;
    void evict(std::optional<Uuid> user_id) override;

    // For who asks Redis on a connection of its own, by get_entry() of scripts.hpp: the user, if known without asking;
    // local_generation() before asking; make_evictions() before anything is read on that connection; what was read. The
    // evictions throw RedisError.
    std::optional<User> local(const Sha256& api_key_hash) const { return local_->get(api_key_hash); }
    std::uint64_t local_generation() const { return local_->generation(); }
    void make_evictions(redis::Connection& connection) const;
    std::optional<User> keep(const Sha256& api_key_hash, std::string_view entry,
                             std::uint64_t local_generation);
    std::string entry_key(const Sha256& api_key_hash) const;
    const std::string& evicted_key() const { return evicted_key_; }

private:
    struct Eviction {
        std::uint64_t ticket = 0;
        std::optional<Uuid> user;  // nullopt: all users
    };
    // Applies queued evictions first; if that fails, `work` does not run.
    void with_redis(const std::function<void(redis::Connection&)>& work) const;

    const std::string entry_prefix_;
    const std::string generation_key_;
    const std::string evicted_key_;
    const std::string ttl_ms_;
    const redis::Script generation_;
    const redis::Script get_;
    const redis::Script put_;
    const redis::Script evict_;
    const std::unique_ptr<AuthCache> local_;
    mutable Pool pool_;
    mutable Mutex mutex_;
    mutable std::vector<Eviction> waiting_ GUARDED_BY(mutex_);  // not yet applied in Redis
    std::uint64_t tickets_ GUARDED_BY(mutex_) = 0;
};

// Throws std::invalid_argument if the URL is invalid.
std::unique_ptr<RedisAuthCache> create_redis_auth_cache(const RedisAuthCacheOptions& options);

}  // namespace pricewire::access
