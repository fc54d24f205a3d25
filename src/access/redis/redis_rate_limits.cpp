#include "access/redis/redis_rate_limits.hpp"

#include "access/in_process/in_process_rate_limits.hpp"
#include "access/redis/scripts.hpp"
#include "base/crypto.hpp"

namespace pricewire::access {
namespace {

constexpr std::size_t longest_name = 200;

}  // namespace

RedisRateLimits::RedisRateLimits(const RedisCacheOptions& options, const redis::Address& address)
    : prefix_(options.prefix + "limit:"),
      script_(std::string(take_tokens) + "return take_tokens(KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])"),
      pool_(options, address, "each process limits requests on its own", "rate limits are shared again"),
      alone_(create_in_process_rate_limits()) {}

RateDecision RedisRateLimits::take(std::string_view bucket, const RateLimit& limit, MonoTime now) {
    const MonoTime asked = std::chrono::steady_clock::now();
    const Leases::Plan plan = leases_.take(bucket, limit, asked);
    if (plan.decision) return *plan.decision;
    const auto taken = ask(bucket, limit, plan.tokens, "lease");
    if (taken) return leases_.granted(bucket, limit, plan, taken->tokens, taken->debt, asked);
    leases_.failed(bucket, plan);
    return alone_->take(bucket, limit, now);
}

RateDecision RedisRateLimits::look(std::string_view bucket, const RateLimit& limit, MonoTime now) {
    const auto there = ask(bucket, limit, 0, "look");
    return there ? Leases::decision(there->tokens > 0, there->debt, limit) : alone_->look(bucket, limit, now);
}

void RedisRateLimits::spend(std::string_view bucket, const RateLimit& limit, std::uint32_t tokens,
                            MonoTime now) {
    if (tokens > 0 && !ask(bucket, limit, tokens, "spend")) alone_->spend(bucket, limit, tokens, now);
}

RateDecision RedisRateLimits::take_alone(std::string_view bucket, const RateLimit& limit) {
    return alone_->take(bucket, limit, std::chrono::steady_clock::now());
}

std::string RedisRateLimits::key_of(std::string_view bucket) const {
    return prefix_ + (bucket.size() <= longest_name ? std::string(bucket) : hex_encode(sha256(bucket)));
}

std::optional<TakenTokens> RedisRateLimits::ask(std::string_view bucket, const RateLimit& limit,
                                                std::uint32_t tokens, std::string_view what) {
    const std::string key = key_of(bucket);
    const std::string count = std::to_string(limit.count);
    const std::string period = std::to_string(limit.period.count());
    const std::string wanted = std::to_string(tokens);
    const std::string_view keys[] = {key};
    const std::string_view arguments[] = {count, period, wanted, what};
    std::optional<TakenTokens> out;
    pool_.with([&](redis::Connection& c) {
        const redis::Reply reply = script_.run(c, keys, arguments);
        out = taken_tokens(reply.checked());
    });
    return out;
}

std::unique_ptr<RedisRateLimits> create_redis_rate_limits(const RedisCacheOptions& options) {
    return std::make_unique<RedisRateLimits>(options, redis::address_of(options.url));
}

}  // namespace pricewire::access
