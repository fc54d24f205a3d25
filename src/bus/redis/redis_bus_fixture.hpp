#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "bus/redis/redis_bus.hpp"
#include "redis/redis_fixture.hpp"
#include "support/eventually.hpp"

namespace pricewire::bus {

// Collects the calls of a subscriber, one word each: "17" for the price with that sequence, "BTC gone",
// "behind", "caught up".
class Recorder {
public:
    PriceSubscriber subscriber(bool resume = false) {
        return {.resume = resume,
                .price = [this](const Price& p) { add(std::to_string(p.sequence)); },
                .gone = [this](const PriceGone& g) { add(std::string(g.ticker.view()) + " gone"); },
                .behind = [this] { add("behind"); },
                .caught_up = [this] { add("caught up"); },
                .position =
                    [this](BusPosition p) {
                        MutexLock lock(mutex_);
                        position_ = p;
                    }};
    }
    std::vector<std::string> words() const {
        MutexLock lock(mutex_);
        return words_;
    }
    std::vector<std::uint64_t> prices() const {
        std::vector<std::uint64_t> out;
        for (const std::string& w : words()) {
            if (w[0] >= '0' && w[0] <= '9') out.push_back(std::stoull(w));
        }
        return out;
    }
    std::size_t count(const std::string& word) const {
        const auto all = words();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), word));
    }
    bool wait_for(const std::string& word, std::size_t times = 1) const {
        return test::eventually([&] { return count(word) >= times; });
    }
    BusPosition position() const {
        MutexLock lock(mutex_);
        return position_;
    }

private:
    void add(std::string word) {
        MutexLock lock(mutex_);
        words_.push_back(std::move(word));
    }

    mutable Mutex mutex_;
    std::vector<std::string> words_ GUARDED_BY(mutex_);
    BusPosition position_ GUARDED_BY(mutex_);
};

inline Price price_of(Ticker ticker, std::uint64_t sequence) {
    return {ticker, Decimal::from_int(static_cast<std::int64_t>(sequence)), system_clock().now(), sequence};
}

inline TickerBoard board_of(Ticker ticker, std::optional<std::int64_t> value,
                            Timestamp time = system_clock().now()) {
    TickerBoard board{ticker, std::nullopt, {}};
    if (value) board.price = Price{ticker, Decimal::from_int(*value), time, 1};
    return board;
}

inline std::unique_ptr<PriceBus> redis_bus(const std::string& url, const std::string& prefix,
                                           const std::string& feed = "") {
    RedisBusOptions options;
    options.url = url;
    options.prefix = prefix;
    options.tickers = {"BTC", "ETH"};
    options.feed_id = feed;
    return create_redis_bus(options, system_clock());
}

}  // namespace pricewire::bus
