#include "access/redis/redis_rate_limits.hpp"

#include <optional>
#include <stdexcept>
#include <string>

#include "access/in_process/in_process_rate_limits.hpp"
#include "access/redis/pool.hpp"
#include "base/crypto.hpp"
#include "base/decimal.hpp"
#include "base/log.hpp"

namespace pricewire::access {
namespace {

constexpr std::size_t longest_name = 200;

// token_bucket.hpp in Lua, whose only numbers are doubles, exact up to 2^53. The debt is therefore kept in
// two parts: whole microseconds, and the remainder in units of 1 / count microsecond. A token costs period /
// count microseconds, a full bucket holds `period`, and each microsecond that passes pays back one. ARGV:
// count, period in microseconds, and how many tokens to take: none to look only; of several, as many as there are.
// Returns whether one was there, and the debt after it.
constexpr std::string_view take_script = R"(
local count, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at, whole, part = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+) (%d+)$')
at, whole, part = tonumber(at) or now, tonumber(whole) or 0, tonumber(part) or 0
if part >= count or whole > period then whole, part = period, 0 end
if now > at then
  whole = whole - (now - at)
  if whole < 0 then whole, part = 0, 0 end
end
local function plus(tokens)
  local cost = tokens * (period % count) + part
  return whole + tokens * math.floor(period / count) + math.floor(cost / count), cost % count
end
local wanted = tonumber(ARGV[3])
local new_whole, new_part = plus(math.max(wanted, 1))
local allowed = new_whole < period or (new_whole == period and new_part == 0)
if wanted > 1 and not allowed then new_whole, new_part, allowed = period, 0, true end
local takes = allowed and wanted > 0
if takes then whole, part = new_whole, new_part end
if takes and (whole > 0 or part > 0) then
  redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', now, whole, part),
    'PX', string.format('%.0f', math.ceil((whole + 1) / 1000)))
end
return {allowed and 1 or 0, string.format('%.0f', whole), string.format('%.0f', part)}
)";

std::optional<std::int64_t> number(redis::ReplyView reply) {
    const std::string text(reply.text());
    if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
        return std::nullopt;
    return std::stoll(text);
}

// Computes the decision from a bucket's debt, as token_bucket.hpp does.
RateDecision decision_of(bool allowed, std::int64_t whole, std::int64_t part, const RateLimit& limit) {
    using Units = Decimal::Raw;  // 1 / count microseconds
    const Units count = limit.count;
    const Units token = limit.period.count();
    const Units debt = Units{whole} * count + part;
    const auto micros = [&](Units units) {
        return Duration{static_cast<std::int64_t>((units + count - 1) / count)};
    };
    RateDecision out;
    out.allowed = allowed;
    if (!allowed) out.retry_after = micros(debt + token - count * token);
    out.remaining = static_cast<std::uint32_t>((count * token - debt) / token);
    out.reset_after = micros(debt);
    return out;
}

class RedisRateLimits : public RateLimits {
public:
    RedisRateLimits(const RedisCacheOptions& options, const redis::Address& address)
        : prefix_(options.prefix + "limit:"),
          script_(std::string(take_script)),
          pool_(options, address, "each process limits requests on its own", "rate limits are shared again"),
          alone_(create_in_process_rate_limits()) {}

    RateDecision take(std::string_view bucket, const RateLimit& limit, MonoTime now) override {
        const auto out = decide(bucket, limit, "1");
        return out ? *out : alone_->take(bucket, limit, now);
    }
    RateDecision look(std::string_view bucket, const RateLimit& limit, MonoTime now) override {
        const auto out = decide(bucket, limit, "0");
        return out ? *out : alone_->look(bucket, limit, now);
    }
    void spend(std::string_view bucket, const RateLimit& limit, std::uint32_t tokens, MonoTime now) override {
        if (tokens > 0 && !decide(bucket, limit, std::to_string(tokens)))
            alone_->spend(bucket, limit, tokens, now);
    }

private:
    // nullopt: Redis did not answer.
    std::optional<RateDecision> decide(std::string_view bucket, const RateLimit& limit,
                                       std::string_view takes) {
        const std::string key =
            prefix_ + (bucket.size() <= longest_name ? std::string(bucket) : hex_encode(sha256(bucket)));
        const std::string count = std::to_string(limit.count);
        const std::string period = std::to_string(limit.period.count());
        const std::string_view keys[] = {key};
        const std::string_view arguments[] = {count, period, takes};
        std::optional<RateDecision> out;
        pool_.with([&](redis::Connection& c) {
            const redis::Reply reply = script_.run(c, keys, arguments);
            reply.checked();
            const auto whole = number(reply[1]);
            const auto part = number(reply[2]);
            if (!whole || !part)
                throw redis::RedisError("Redis returned an unexpected reply to a rate limit");
            out = decision_of(reply[0].integer() == 1, *whole, *part, limit);
        });
        return out;
    }

    const std::string prefix_;
    const redis::Script script_;
    Pool pool_;
    const std::unique_ptr<RateLimits> alone_;
};

}  // namespace

std::unique_ptr<RateLimits> create_redis_rate_limits(const RedisCacheOptions& options) {
    const auto address = redis::parse_url(options.url);
    if (!address) throw std::invalid_argument(address.error().message);
    return std::make_unique<RedisRateLimits>(options, *address);
}

}  // namespace pricewire::access
