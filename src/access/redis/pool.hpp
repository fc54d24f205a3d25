#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "access/redis/redis_cache_options.hpp"
#include "base/log.hpp"
#include "base/mutex.hpp"
#include "base/outage.hpp"
#include "redis/connection.hpp"

namespace pricewire::access {

// A few connections that threads borrow for one command at a time. The pool's own thread opens them, so
// borrowers never wait for connecting: if there is no connection, Redis is unavailable. Thread-safe.
class Pool {
public:
    // Tries to connect before it returns, within options.connect_timeout.
    Pool(const RedisCacheOptions& options, const redis::Address& address, std::string meaning,
         std::string healed);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // Runs `work` on a connection. False if none was free within the command's deadline or if `work` threw
    // RedisError, which closes that connection.
    bool with(const std::function<void(redis::Connection&)>& work);

private:
    void run();
    // Opens the missing connections. True if none is missing afterwards.
    bool fill();
    std::unique_ptr<redis::Connection> borrow();
    void give_back(std::unique_ptr<redis::Connection> connection);
    void lost(std::string_view reason);

    const redis::Address address_;
    const redis::Timeouts timeouts_;
    const std::size_t size_;
    Outage outage_;

    Mutex mutex_;
    CondVar available_;  // for borrowers: a connection is free, or none is left
    CondVar missing_;    // for the pool's thread: a connection was lost, or it is stopping
    std::vector<std::unique_ptr<redis::Connection>> free_ GUARDED_BY(mutex_);
    std::size_t made_ GUARDED_BY(mutex_) = 0;  // free or borrowed
    bool stopping_ GUARDED_BY(mutex_) = false;
    log::AtMostEvery lost_lines_ GUARDED_BY(mutex_){std::chrono::minutes{1}};
    std::thread thread_;
};

}  // namespace pricewire::access
