#include "access/in_process/in_process_rate_limits.hpp"

#include <absl/container/flat_hash_map.h>
#include <absl/hash/hash.h>

#include <algorithm>
#include <array>
#include <list>
#include <string>

#include "access/token_bucket.hpp"
#include "base/mutex.hpp"

namespace pricewire::access {
namespace {

constexpr std::size_t bucket_shards = 16;

class InProcessRateLimits : public RateLimits {
public:
    explicit InProcessRateLimits(std::size_t max_buckets)
        : shard_capacity_(std::max<std::size_t>(1, max_buckets / bucket_shards)) {}

    RateDecision take(std::string_view bucket, const RateLimit& limit, MonoTime now) override {
        Shard& shard = shard_of(bucket);
        MutexLock lock(shard.mutex);
        return bucket_of(shard, bucket, limit, now).take(limit, now);
    }

    void spend(std::string_view bucket, const RateLimit& limit, std::uint32_t tokens, MonoTime now) override {
        Shard& shard = shard_of(bucket);
        MutexLock lock(shard.mutex);
        bucket_of(shard, bucket, limit, now).spend(limit, tokens, now);
    }

    RateDecision look(std::string_view bucket, const RateLimit& limit, MonoTime now) override {
        Shard& shard = shard_of(bucket);
        MutexLock lock(shard.mutex);
        const auto found = shard.by_name.find(bucket);
        if (found == shard.by_name.end()) return TokenBucket().look(limit, now);
        return found->second->bucket.look(limit, now);
    }

private:
    struct Entry {
        std::string name;
        RateLimit limit;
        TokenBucket bucket;
    };
    struct Shard {
        Mutex mutex;
        // Most recently used first; list nodes do not move in memory.
        std::list<Entry> entries GUARDED_BY(mutex);
        absl::flat_hash_map<std::string_view, std::list<Entry>::iterator> by_name GUARDED_BY(mutex);

        void forget_oldest() REQUIRES(mutex) {
            by_name.erase(entries.back().name);
            entries.pop_back();
        }
    };

    Shard& shard_of(std::string_view bucket) {
        return shards_[absl::Hash<std::string_view>{}(bucket) % bucket_shards];
    }

    // Becomes the most recently used one.
    TokenBucket& bucket_of(Shard& shard, std::string_view bucket, const RateLimit& limit, MonoTime now)
        REQUIRES(shard.mutex) {
        const auto found = shard.by_name.find(bucket);
        if (found != shard.by_name.end()) {
            shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
            return shard.entries.front().bucket;
        }
        // Two cleanup steps per new bucket, so that idle buckets are removed faster than new ones arrive.
        for (int i = 0; i < 2 && !shard.entries.empty(); ++i) {
            const Entry& oldest = shard.entries.back();
            if (!oldest.bucket.is_full(oldest.limit, now)) break;
            shard.forget_oldest();
        }
        if (shard.entries.size() >= shard_capacity_) shard.forget_oldest();
        shard.entries.push_front({std::string(bucket), limit, {}});
        shard.by_name.emplace(shard.entries.front().name, shard.entries.begin());
        return shard.entries.front().bucket;
    }

    const std::size_t shard_capacity_;
    std::array<Shard, bucket_shards> shards_;
};

}  // namespace

std::unique_ptr<RateLimits> create_in_process_rate_limits(std::size_t max_buckets) {
    return std::make_unique<InProcessRateLimits>(max_buckets);
}

}  // namespace pricewire::access
