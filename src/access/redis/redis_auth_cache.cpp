#include "access/redis/redis_auth_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "access/redis/pool.hpp"
#include "base/mutex.hpp"
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

// KEYS: entry, prefix of evicted. The user's key depends on the entry's contents.
constexpr std::string_view get_script = R"(
local entry = redis.call('GET', KEYS[1])
if not entry then return false end
local generation, id = string.match(entry, '^(%d+) ([%x-]+) ')
if not generation then return false end
for _, key in ipairs({KEYS[2], KEYS[2] .. ':' .. id}) do
  local evicted = redis.call('GET', key)
  if evicted and tonumber(evicted) > tonumber(generation) then return false end
end
return entry
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

class RedisAuthCache : public AuthCache {
public:
    RedisAuthCache(const RedisAuthCacheOptions& options, const redis::Address& address)
        : entry_prefix_(options.prefix + "auth:key:"),
          generation_key_(options.prefix + "auth:generation"),
          evicted_key_(options.prefix + "auth:evicted"),
          ttl_ms_(std::to_string(std::chrono::ceil<std::chrono::milliseconds>(options.ttl).count())),
          generation_(std::string(next_generation) + std::string(generation_script)),
          get_(std::string(get_script)),
          put_(std::string(put_script)),
          evict_(std::string(next_generation) + std::string(evict_script)),
          pool_(options, address, "every API key is looked up in the database", "API keys are cached again") {
    }

    std::optional<User> get(const Sha256& api_key_hash) override {
        std::optional<User> out;
        const std::string key = entry_prefix_ + hex_encode(api_key_hash);
        const std::string_view keys[] = {key, evicted_key_};
        with_redis([&](redis::Connection& c) {
            const redis::Reply reply = get_.run(c, keys, {});
            out = user_of(reply.checked().text());
        });
        return out;
    }

    void put(const Sha256& api_key_hash, const User& user, std::uint64_t generation) override {
        if (generation == 0) return;  // read while Redis was unavailable
        const std::string key = entry_prefix_ + hex_encode(api_key_hash);
        const std::string number_text = std::to_string(generation);
        const std::string entry = entry_of(user, generation);
        const std::string_view keys[] = {key, generation_key_};
        const std::string_view arguments[] = {number_text, entry, ttl_ms_};
        with_redis([&](redis::Connection& c) { put_.run(c, keys, arguments).checked(); });
    }

    std::uint64_t generation() const override {
        std::uint64_t out = 0;
        const std::string_view keys[] = {generation_key_};
        with_redis([&](redis::Connection& c) {
            const redis::Reply reply = generation_.run(c, keys, {});
            out = parse_number<std::uint64_t>(reply.checked().text()).value_or(0);
        });
        return out;
    }

    void evict(std::optional<Uuid> user_id) override {
        {
            MutexLock lock(mutex_);
            const std::uint64_t ticket = ++tickets_;
            if (waiting_.size() >= most_waiting) {
                waiting_.assign(1, {ticket, std::nullopt});
            } else {
                waiting_.push_back({ticket, user_id});
            }
        }
        with_redis([](redis::Connection&) {});
    }

private:
    struct Eviction {
        std::uint64_t ticket = 0;
        std::optional<Uuid> user;  // nullopt: all users
    };

    // Applies queued evictions first; if that fails, `work` does not run.
    void with_redis(const std::function<void(redis::Connection&)>& work) const {
        pool_.with([&](redis::Connection& c) {
            make_evictions(c);
            work(c);
        });
    }

    void make_evictions(redis::Connection& c) const {
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

    const std::string entry_prefix_;
    const std::string generation_key_;
    const std::string evicted_key_;
    const std::string ttl_ms_;
    const redis::Script generation_;
    const redis::Script get_;
    const redis::Script put_;
    const redis::Script evict_;
    mutable Pool pool_;
    mutable Mutex mutex_;
    mutable std::vector<Eviction> waiting_ GUARDED_BY(mutex_);  // not yet applied in Redis
    std::uint64_t tickets_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<AuthCache> create_redis_auth_cache(const RedisAuthCacheOptions& options) {
    const auto address = redis::parse_url(options.url);
    if (!address) throw std::invalid_argument(address.error().message);
    return std::make_unique<RedisAuthCache>(options, *address);
}

}  // namespace pricewire::access
