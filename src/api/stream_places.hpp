#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.hpp"

namespace pricewire::api {

// How many streams each client of a trusted proxy has open; the server counts those of other clients itself,
// but of a proxy's it sees only the proxy. Thread-safe.
class StreamPlaces {
public:
    // `per_client` is at least 1.
    explicit StreamPlaces(std::size_t per_client) : per_client_(per_client) {}

    // Held while the stream is open; may outlive this object. Null: the client has too many.
    std::shared_ptr<void> take(const std::string& client) {
        MutexLock lock(shared_->mutex);
        std::size_t& count = shared_->counts[client];
        if (count >= per_client_) return nullptr;
        ++count;
        return {shared_.get(), [shared = shared_, client](void*) {
                    MutexLock inner(shared->mutex);
                    const auto found = shared->counts.find(client);
                    if (--found->second == 0) shared->counts.erase(found);
                }};
    }

private:
    struct Shared {
        Mutex mutex;
        std::map<std::string, std::size_t> counts GUARDED_BY(mutex);
    };
    const std::size_t per_client_;
    const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace pricewire::api
