#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/reconnect.hpp"
#include "bus/redis/keys.hpp"
#include "bus/redis/redis_bus.hpp"
#include "redis/connection.hpp"

namespace pricewire::bus {

// Keeps the boards and source reports that Redis holds in memory; its own thread reads them ten times a
// second. Its functions are thread-safe and never wait for Redis.
class Reader {
public:
    // The references must outlive it. Starts at once.
    Reader(const RedisBusOptions& options, const Keys& keys, const redis::Address& address, Outage& outage,
           const Clock& clock);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    std::optional<TickerBoard> board(Ticker ticker) const;
    std::shared_ptr<const std::string> rates_json() const;
    std::vector<SourceReport> sources() const;

private:
    void run();
    void read();
    void show(const redis::Reply& boards, std::vector<SourceReport> sources);
    std::vector<SourceReport> read_sources(const redis::Reply& feeds);
    bool confirmed() const REQUIRES(mutex_);

    const RedisBusOptions& options_;
    const Keys& keys_;
    const redis::Address& address_;
    const Clock& clock_;
    const std::shared_ptr<const std::string> no_rates_ = std::make_shared<const std::string>("{}");
    StopSignal stop_;

    mutable Mutex mutex_;
    std::vector<TickerBoard> boards_ GUARDED_BY(mutex_);  // in the configured order
    std::shared_ptr<const std::string> rates_ GUARDED_BY(mutex_) = no_rates_;
    std::vector<SourceReport> sources_ GUARDED_BY(mutex_);
    std::optional<MonoTime> confirmed_at_ GUARDED_BY(mutex_);

    // Used by the thread only.
    std::unique_ptr<redis::Connection> connection_;
    Reconnect reconnect_;
    std::vector<std::string> texts_;  // of boards_, to detect changes
    bool warned_of_nonsense_ = false;
    std::thread thread_;
};

}  // namespace pricewire::bus
