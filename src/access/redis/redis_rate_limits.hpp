#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "access/rate_limits.hpp"
#include "access/redis/leases.hpp"
#include "access/redis/pool.hpp"
#include "access/redis/redis_cache_options.hpp"
#include "redis/connection.hpp"
#include "redis/url.hpp"

namespace pricewire::access {

struct TakenTokens;

// Buckets shared by all processes that use the same Redis, on Redis's clock; of those that hold many tokens, each process
// takes some in advance (see Leases). If Redis is unavailable or
// does not answer in time, a bucket local to this process applies the same limit, and take()'s `now` counts. The
// outage is logged once, and the connection is retried every second. A bucket's key expires when the bucket
// is full.
class RedisRateLimits final : public RateLimits {
public:
    RedisRateLimits(const RedisCacheOptions& options, const redis::Address& address);

    RateDecision take(std::string_view bucket, const RateLimit& limit, MonoTime now) override;
    RateDecision look(std::string_view bucket, const RateLimit& limit, MonoTime now) override;
    void spend(std::string_view bucket, const RateLimit& limit, std::uint32_t tokens, MonoTime now) override;

    // For who asks Redis on a connection of its own, by take_tokens() of scripts.hpp:
    Leases& leases() { return leases_; }
    std::string key_of(std::string_view bucket) const;
    // While Redis does not answer.
    RateDecision take_alone(std::string_view bucket, const RateLimit& limit);

private:
    // nullopt: Redis did not answer.
    std::optional<TakenTokens> ask(std::string_view bucket, const RateLimit& limit, std::uint32_t tokens,
                                   std::string_view what);

    const std::string prefix_;
    const redis::Script script_;
    Pool pool_;
    Leases leases_;
    const std::unique_ptr<RateLimits> alone_;
};

// Throws std::invalid_argument if the URL is invalid.
std::unique_ptr<RedisRateLimits> create_redis_rate_limits(const RedisCacheOptions& options);

}  // namespace pricewire::access
