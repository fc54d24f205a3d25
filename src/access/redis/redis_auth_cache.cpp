#include "access/redis/redis_auth_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "access/in_process/in_process_auth_cache.hpp"
#include "access/redis/scripts.hpp"
#include "base/text.hpp"

namespace pricewire::access {
namespace {

// Beyond this, all entries are evicted instead.
constexpr std::size_t most_waiting = 1000;

// A generation is a number that is never reused, even after Redis was wiped: Redis's time in microseconds, or
// the last generation plus one. <prefix>auth:generation holds the current one; an eviction increments it.
// <prefix>auth:evicted:<user> and <prefix>auth:evicted hold the generation of the last eviction of that user
// and of all users. An entry is valid if its generation is at least as new as both.
constexpr std::string_view next_generation = R"(
local function next_generation(key)
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  local last = tonumber(redis.call('GET', key) or '0')
  if now <= last then now = last + 1 end
  local text = string.format('%.0f', now)
  redis.call('SET', key, text)
  return text
end
)";

// KEYS: generation.
constexpr std::string_view generation_script = R"(
return redis.call('GET', KEYS[1]) or next_generation(KEYS[1])
)";

// KEYS: entry, generation. ARGV: the caller's generation, the entry, its time to live in ms.
constexpr std::string_view put_script = R"(
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
)";

// KEYS: generation, mark. ARGV: the mark's time to live in ms, which is that of entries.
constexpr std::string_view evict_script = R"(
redis.call('SET', KEYS[2], next_generation(KEYS[1]), 'PX', ARGV[1])
return 1
)";

std::string entry_of(const User& user, std::uint64_t generation) {
    return fmt::format("{} {} {} {} {}", generation, user.id.to_string(), user.is_active ? 1 : 0,
                       to_micros(user.created_at), user.email);
}

std::optional<User> user_of(std::string_view entry) {
    const auto word = [&] { return take_part(entry, ' '); };
    word();  // its generation
    const auto id = Uuid::parse(word());
    const std::string_view active = word();
    const auto created = parse_number<std::int64_t>(word());
    if (!id || !created || (active != "0" && active != "1")) return std::nullopt;
    User out;
    out.id = *id;
    out.is_active = active == "1";
    out.created_at = from_micros(*created);
    out.email = entry;
    return out;
}

}  // namespace

RedisAuthCache::RedisAuthCache(const RedisAuthCacheOptions& options, const redis::Address& address)
    : entry_prefix_(options.prefix + "auth:key:"),
      generation_key_(options.prefix + "auth:generation"),
      evicted_key_(options.prefix + "auth:evicted"),
      ttl_ms_(std::to_string(std::chrono::ceil<std::chrono::milliseconds>(options.ttl).count())),
      generation_(std::string(next_generation) + std::string(generation_script)),
      get_(std::string(get_entry) + "return get_entry(KEYS[1], KEYS[2])"),
      put_(std::string(put_script)),
      evict_(std::string(next_generation) + std::string(evict_script)),
      local_(create_in_process_auth_cache(system_clock(), {.ttl = std::min(options.local_ttl, options.ttl)})),
      pool_(options, address, "every API key is looked up in the database", "API keys are cached again") {}

std::optional<User> RedisAuthCache::get(const Sha256& api_key_hash) {
    if (auto user = local(api_key_hash)) return user;
    std::optional<User> out;
    const std::uint64_t generation = local_->generation();
    const std::string key = entry_key(api_key_hash);
    const std::string_view keys[] = {key, evicted_key_};
    with_redis([&](redis::Connection& c) {
        const redis::Reply reply = get_.run(c, keys, {});
        out = keep(api_key_hash, reply.checked().text(), generation);
    });
    return out;
}

std::optional<User> RedisAuthCache::keep(const Sha256& api_key_hash, std::string_view entry,
                                         std::uint64_t local_generation) {
    auto user = user_of(entry);
    if (user) local_->put(api_key_hash, *user, local_generation);
    return user;
}

void RedisAuthCache::put(const Sha256& api_key_hash, const User& user, std::uint64_t generation) {
    if (generation == 0) return;  // read while Redis was unavailable
    const std::string key = entry_key(api_key_hash);
    const std::string number_text = std::to_string(generation);
    const std::string entry = entry_of(user, generation);
    const std::string_view keys[] = {key, generation_key_};
    const std::string_view arguments[] = {number_text, entry, ttl_ms_};
    with_redis([&](redis::Connection& c) { put_.run(c, keys, arguments).checked(); });
}

std::uint64_t RedisAuthCache::generation() const {
    std::uint64_t out = 0;
    const std::string_view keys[] = {generation_key_};
    with_redis([&](redis::Connection& c) {
        const redis::Reply reply = generation_.run(c, keys, {});
        out = parse_number<std::uint64_t>(reply.checked().text()).value_or(0);
    });
    return out;
}

void RedisAuthCache::evict(std::optional<Uuid> user_id) {
    {
        MutexLock lock(mutex_);
        const std::uint64_t ticket = ++tickets_;
        if (waiting_.size() >= most_waiting) {
            waiting_.assign(1, {ticket, std::nullopt});
        } else {
            waiting_.push_back({ticket, user_id});
        }
    }
    // After that: whoever reads Redis from now on applies the eviction first, and what was read before is not kept.
    local_->evict(user_id);
    with_redis([](redis::Connection&) {});
}

std::string RedisAuthCache::entry_key(const Sha256& api_key_hash) const {
    return entry_prefix_ + hex_encode(api_key_hash);
}

void RedisAuthCache::with_redis(const std::function<void(redis::Connection&)>& work) const {
    pool_.with([&](redis::Connection& c) {
        make_evictions(c);
        work(c);
    });
}

void RedisAuthCache::make_evictions(redis::Connection& c) const {
    std::vector<Eviction> evictions;
    {
        MutexLock lock(mutex_);
        evictions = waiting_;
    }
    // An eviction is removed from the queue only once applied, so no other thread can read past it; if
    // two threads apply it, that does no harm. Two evictions of one user are both applied: the user may
    // have been cached again between them.
    for (const Eviction& eviction : evictions) {
        const std::string mark =
            eviction.user ? evicted_key_ + ':' + eviction.user->to_string() : evicted_key_;
        const std::string_view keys[] = {generation_key_, mark};
        const std::string_view arguments[] = {ttl_ms_};
        evict_.run(c, keys, arguments).checked();
        MutexLock lock(mutex_);
        std::erase_if(waiting_, [&](const Eviction& e) { return e.ticket == eviction.ticket; });
    }
}

std::unique_ptr<RedisAuthCache> create_redis_auth_cache(const RedisAuthCacheOptions& options) {
    return std::make_unique<RedisAuthCache>(options, redis::address_of(options.url));
}

}  // namespace pricewire::access
