#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "api/exchange.hpp"
#include "base/mutex.hpp"

namespace pricewire::api {

// Creates the alerts of requests, on a thread of its own: those that arrive during a commit share the next one, so that no
// worker waits for the disk. Of what waits, a user has a quarter at most. Thread-safe.
class Creations {
public:
    struct Options {
        std::size_t capacity = 1024;              // requests that wait
        Duration wait = std::chrono::seconds{5};  // for their turn
        // Called on the thread with each request once its Exchange::new_alert is decided, or has waited too long.
        std::function<void(std::unique_ptr<Exchange>)> decided;
        std::function<void(std::unique_ptr<Exchange>)> too_late;
    };
    Creations(storage::Alerts& storage, const Clock& clock, Options options);
    ~Creations();  // after the commit under way; drops what waits
    Creations(const Creations&) = delete;
    Creations& operator=(const Creations&) = delete;

    // Moves from `x`, unless there is no room.
    bool try_add(std::unique_ptr<Exchange>& x);

private:
    struct Waiting {
        std::unique_ptr<Exchange> exchange;
        MonoTime since;
    };
    using Group = std::vector<Waiting>;
    void run();
    Group take() REQUIRES(mutex_);
    void decide(Group& group);

    storage::Alerts& storage_;
    const Clock& clock_;
    const Options options_;
    Mutex mutex_;
    CondVar changed_;
    std::deque<Waiting> waiting_ GUARDED_BY(mutex_);
    std::map<Uuid, std::size_t> by_user_ GUARDED_BY(mutex_);  // of those that wait
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace pricewire::api
