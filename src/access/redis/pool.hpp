#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "access/redis/redis_cache_options.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "redis/connection.hpp"
#include "redis/outage.hpp"
#include "redis/stop_signal.hpp"

namespace pricewire::access {

// A few connections that threads borrow for one command at a time. They are made by a thread of the pool's,
// so that whoever borrows never waits for connecting: where there is none, Redis is away. Thread-safe.
class Pool {
public:
    // Tries to connect before it returns, within options.connect_timeout.
    Pool(const RedisCacheOptions& options, const redis::Address& address, std::string meaning,
         std::string healed);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // Runs `work` on a connection; false where there was none within the command's deadline, or where `work`
    // threw RedisError, which ends that connection.
    bool with(const std::function<void(redis::Connection&)>& work);

private:
    void run();
    // Connects as many as are missing; whether none is missing now.
    bool fill();
    std::unique_ptr<redis::Connection> borrow();
    void give_back(std::unique_ptr<redis::Connection> connection);
    void lost(std::string_view reason);

    const redis::Address address_;
    const redis::Timeouts timeouts_;
    const std::size_t size_;
    redis::Outage outage_;

    Mutex mutex_;
    CondVar available_;  // for borrowers: one is free, or there is none any more
    CondVar missing_;    // for the pool's thread: one was lost, or the end has come
    std::vector<std::unique_ptr<redis::Connection>> free_ GUARDED_BY(mutex_);
    std::size_t made_ GUARDED_BY(mutex_) = 0;  // free or borrowed
    bool stopping_ GUARDED_BY(mutex_) = false;
    MonoTime said_at_ GUARDED_BY(mutex_){};  // when the log last told of a connection that was lost
    std::thread thread_;
};

}  // namespace pricewire::access
