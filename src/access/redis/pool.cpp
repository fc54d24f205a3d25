#include "access/redis/pool.hpp"

#include <utility>

#include "base/log.hpp"

namespace pricewire::access {
namespace {

using namespace std::chrono_literals;

constexpr Duration retry_every = 1s;

}  // namespace

Pool::Pool(const RedisCacheOptions& options, const redis::Address& address, std::string meaning,
           std::string healed)
    : address_(address),
      timeouts_{.connect = options.connect_timeout, .command = options.command_timeout},
      size_(options.connections),
      outage_("Redis at " + address.text(), std::move(meaning), std::move(healed)) {
    fill();
    thread_ = std::thread([this] { run(); });
}

Pool::~Pool() {
    {
        MutexLock lock(mutex_);
        stopping_ = true;
    }
    missing_.notify_all();
    thread_.join();
}

bool Pool::with(const std::function<void(redis::Connection&)>& work) {
    auto connection = borrow();
    if (!connection) return false;
    try {
        work(*connection);
    } catch (const redis::RedisError& e) {
        // Its reply may still arrive and would be taken for the next command's.
        connection.reset();
        lost(e.what());
        return false;
    }
    give_back(std::move(connection));
    return true;
}

std::unique_ptr<redis::Connection> Pool::borrow() {
    MutexLock lock(mutex_);
    available_.wait_for(lock, timeouts_.command,
                        [&]() REQUIRES(mutex_) { return !free_.empty() || made_ == 0; });
    if (free_.empty()) return nullptr;
    auto out = std::move(free_.back());
    free_.pop_back();
    return out;
}

void Pool::give_back(std::unique_ptr<redis::Connection> connection) {
    {
        MutexLock lock(mutex_);
        free_.push_back(std::move(connection));
    }
    available_.notify_one();
}

void Pool::lost(std::string_view reason) {
    bool say = false;
    {
        MutexLock lock(mutex_);
        --made_;
        say = lost_lines_.take(std::chrono::steady_clock::now());
    }
    available_.notify_all();
    missing_.notify_one();
    if (say) {
        log::warn("closed a connection to Redis after an error; the request was served without Redis",
                  {{"reason", std::string(reason)}});
    }
}

void Pool::run() {
    bool full = false;
    while (true) {
        {
            MutexLock lock(mutex_);
            if (full) {
                missing_.wait(lock, [&]() REQUIRES(mutex_) { return stopping_ || made_ < size_; });
            } else {
                missing_.wait_for(lock, retry_every, [&]() REQUIRES(mutex_) { return stopping_; });
            }
            if (stopping_) return;
        }
        full = fill();
    }
}

bool Pool::fill() {
    while (true) {
        {
            MutexLock lock(mutex_);
            if (stopping_ || made_ == size_) return true;
        }
        try {
            auto connection = redis::Connection::open(address_, timeouts_);
            MutexLock lock(mutex_);
            free_.push_back(std::move(connection));
            ++made_;
        } catch (const redis::RedisError& e) {
            outage_.begin(e.what());
            return false;
        }
        outage_.end();
        available_.notify_all();
    }
}

}  // namespace pricewire::access
