#include "access/in_process/in_process_auth_cache.hpp"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <list>

#include "base/mutex.hpp"

namespace pricewire::access {
namespace {

constexpr std::size_t key_shards = 16;

class InProcessAuthCache : public AuthCache {
public:
    InProcessAuthCache(const Clock& clock, const AuthCacheOptions& options)
        : clock_(clock),
          ttl_(options.ttl),
          shard_capacity_(std::max<std::size_t>(1, options.max_entries / key_shards)) {}

    std::optional<User> get(const Sha256& api_key_hash) override {
        const MonoTime now = clock_.mono();
        Shard& shard = shard_of(api_key_hash);
        MutexLock lock(shard.mutex);
        const auto found = shard.by_hash.find(api_key_hash);
        if (found == shard.by_hash.end()) return std::nullopt;
        const auto entry = found->second;
        if (entry->expires <= now) {
            shard.by_hash.erase(found);
            shard.entries.erase(entry);
            return std::nullopt;
        }
        shard.entries.splice(shard.entries.begin(), shard.entries, entry);
        return entry->user;
    }

    void put(const Sha256& api_key_hash, const User& user, std::uint64_t generation) override {
        const MonoTime expires = clock_.mono() + ttl_;
        Shard& shard = shard_of(api_key_hash);
        MutexLock lock(shard.mutex);
        // Checked under the shard's lock: an eviction that increments the generation after this check still
        // has to take this lock, and then finds the entry.
        if (generation_.load() != generation) return;
        if (const auto found = shard.by_hash.find(api_key_hash); found != shard.by_hash.end()) {
            shard.entries.erase(found->second);
            shard.by_hash.erase(found);
        }
        if (shard.entries.size() >= shard_capacity_) {
            shard.by_hash.erase(shard.entries.back().hash);
            shard.entries.pop_back();
        }
        shard.entries.push_front({api_key_hash, user, expires});
        shard.by_hash.emplace(api_key_hash, shard.entries.begin());
    }

    std::uint64_t generation() const override { return generation_.load(); }

    // Scans all entries: users are disabled rarely and by hand, so a second index is not worth maintaining.
    void evict(std::optional<Uuid> user_id) override {
        ++generation_;
        for (Shard& shard : shards_) {
            MutexLock lock(shard.mutex);
            for (auto entry = shard.entries.begin(); entry != shard.entries.end();) {
                if (user_id && entry->user.id != *user_id) {
                    ++entry;
                    continue;
                }
                shard.by_hash.erase(entry->hash);
                entry = shard.entries.erase(entry);
            }
        }
    }

private:
    struct Entry {
        Sha256 hash;
        User user;
        MonoTime expires;
    };
    struct Shard {
        Mutex mutex;
        std::list<Entry> entries GUARDED_BY(mutex);  // most recently used first
        absl::flat_hash_map<Sha256, std::list<Entry>::iterator> by_hash GUARDED_BY(mutex);
    };

    Shard& shard_of(const Sha256& hash) { return shards_[hash[0] % key_shards]; }

    const Clock& clock_;
    const Duration ttl_;
    const std::size_t shard_capacity_;
    std::atomic<std::uint64_t> generation_{0};
    std::array<Shard, key_shards> shards_;
};

}  // namespace

std::unique_ptr<AuthCache> create_in_process_auth_cache(const Clock& clock, const AuthCacheOptions& options) {
    return std::make_unique<InProcessAuthCache>(clock, options);
}

}  // namespace pricewire::access
