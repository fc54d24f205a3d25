#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/reconnect.hpp"
#include "bus/boards.hpp"
#include "bus/redis/keys.hpp"
#include "bus/redis/redis_bus.hpp"
#include "redis/connection.hpp"

namespace pricewire::bus {

// Keeps the boards and source reports that Redis holds in memory; its own thread reads them ten times a second, boards
// of tickers that are neither pinned nor asked for only once a second. Its functions are thread-safe and never wait for
// Redis.
class Reader {
public:
    // The references must outlive it. Starts at once.
    Reader(const RedisBusOptions& options, const Keys& keys, const redis::Address& address, Outage& outage,
           const Clock& clock);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    std::optional<TickerBoard> board(Ticker ticker) const;
    bool has_price(const Ticker& ticker) const;
    std::vector<Ticker> unpriced() const;
    std::vector<Price> prices() const;
    std::shared_ptr<const std::string> rates_json() const;
    std::vector<SourceReport> sources() const;

private:
    void run();
    void read();
    std::vector<Ticker> due(MonoTime now);
    std::set<Ticker> listed();
    void show(const std::vector<Ticker>& tickers, const redis::Reply& texts,
              std::vector<SourceReport> sources);
    std::vector<SourceReport> read_sources(const redis::Reply& feeds);
    bool confirmed() const REQUIRES(mutex_);

    const RedisBusOptions& options_;
    const Keys& keys_;
    const redis::Address& address_;
    const Clock& clock_;
    const std::shared_ptr<const std::string> no_rates_ = std::make_shared<const std::string>("{}");
    StopSignal stop_;

    mutable Mutex mutex_;
    Boards boards_ GUARDED_BY(mutex_);
    mutable std::map<Ticker, MonoTime> asked_ GUARDED_BY(mutex_);  // when board() last gave it
    std::shared_ptr<const std::string> rates_ GUARDED_BY(mutex_) = no_rates_;
    std::vector<SourceReport> sources_ GUARDED_BY(mutex_);
    std::optional<MonoTime> confirmed_at_ GUARDED_BY(mutex_);

    // Used by the thread only.
    std::unique_ptr<redis::Connection> connection_;
    Reconnect reconnect_;
    std::map<Ticker, std::string> texts_;  // of boards_, to detect changes
    MonoTime all_at_{};                    // when all tickers are due
    bool warned_of_nonsense_ = false;
    std::thread thread_;
};

}  // namespace pricewire::bus
