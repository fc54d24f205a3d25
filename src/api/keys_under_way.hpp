#pragma once

#include <set>
#include <string>
#include <utility>

#include "base/mutex.hpp"
#include "base/uuid.hpp"

namespace pricewire::api {

// The idempotency keys of requests that this process is handling: no more than its workers. Thread-safe.
class KeysUnderWay {
public:
    // Whether it was not under way; then it is until end().
    bool begin(const Uuid& user_id, const std::string& key) {
        MutexLock lock(mutex_);
        return keys_.emplace(user_id, key).second;
    }
    void end(const Uuid& user_id, const std::string& key) {
        MutexLock lock(mutex_);
        keys_.erase({user_id, key});
    }

private:
    Mutex mutex_;
    std::set<std::pair<Uuid, std::string>> keys_ GUARDED_BY(mutex_);
};

}  // namespace pricewire::api
