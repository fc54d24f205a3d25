#pragma once

#include <cstddef>
#include <set>

#include "base/crypto.hpp"
#include "base/mutex.hpp"

namespace pricewire::api {

// Hashes of API keys that were valid when they were last looked up: these are looked up again even while
// somebody at the same address guesses. The cache alone would not do: it forgets users within an hour, or a
// minute with Redis, and all of them where it may have missed a change. Bounded; thread-safe.
class KnownKeys {
public:
    bool has(const Sha256& key) const {
        MutexLock lock(mutex_);
        return keys_.contains(key);
    }
    void add(const Sha256& key) {
        MutexLock lock(mutex_);
        if (keys_.size() >= most && !keys_.contains(key)) keys_.erase(keys_.begin());  // any
        keys_.insert(key);
    }
    void remove(const Sha256& key) {
        MutexLock lock(mutex_);
        keys_.erase(key);
    }

private:
    static constexpr std::size_t most = 100'000;

    mutable Mutex mutex_;
    std::set<Sha256> keys_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::api
