#include "bus/in_process/in_process_bus.hpp"

#include <atomic>
#include <stdexcept>

#include "base/mutex.hpp"
#include "bus/boards.hpp"

namespace pricewire::bus {
namespace {

class InProcessBus : public PriceBus {
public:
    explicit InProcessBus(std::span<const Ticker> pinned) : boards_(pinned) {}

    void publish(const Price& price) override {
        if (!started_.load(std::memory_order_relaxed)) started_.store(true);
        for (const PriceSubscriber& s : subscribers_) {
            if (s.price) s.price(price);
        }
    }

    void publish_gone(const PriceGone& gone) override {
        for (const PriceSubscriber& s : subscribers_) {
            if (s.gone) s.gone(gone);
        }
    }

    void publish_heard(const Heard& heard) override {
        for (const PriceSubscriber& s : subscribers_) {
            if (s.heard) s.heard("", heard);
        }
    }

    void publish_board(const TickerBoard& board) override {
        MutexLock lock(mutex_);
        if (boards_.put(board)) rates_.reset();
    }

    void remove_board(const Ticker& ticker) override {
        MutexLock lock(mutex_);
        if (boards_.remove(ticker)) rates_.reset();
    }

    void publish_sources(std::span<const SourceReport> sources) override {
        MutexLock lock(mutex_);
        sources_.assign(sources.begin(), sources.end());
    }

    void subscribe(PriceSubscriber subscriber) override {
        if (started_.load()) throw std::logic_error("subscribed to prices after the feed has started");
        // Nothing was published yet, so there is nothing to catch up with.
        if (subscriber.caught_up) subscriber.caught_up();
        subscribers_.push_back(std::move(subscriber));
    }

    void processed(BusPosition) override {}

    void unsubscribe_all() override { subscribers_.clear(); }

    std::optional<TickerBoard> board(Ticker ticker) const override {
        MutexLock lock(mutex_);
        const TickerBoard* board = boards_.find(ticker);
        return board == nullptr ? std::nullopt : std::optional(*board);
    }

    bool has_price(const Ticker& ticker) const override {
        MutexLock lock(mutex_);
        return boards_.has_price(ticker);
    }

    std::vector<Ticker> unpriced() const override {
        MutexLock lock(mutex_);
        return boards_.unpriced();
    }

    std::vector<Price> prices() const override {
        MutexLock lock(mutex_);
        return boards_.prices();
    }

    std::shared_ptr<const std::string> rates_json() const override {
        MutexLock lock(mutex_);
        if (!rates_) rates_ = std::make_shared<const std::string>(boards_.rates_json());
        return rates_;
    }

    std::vector<SourceReport> sources() const override {
        MutexLock lock(mutex_);
        return sources_;
    }

    void ping() override {}

private:
    std::vector<PriceSubscriber> subscribers_;  // fixed while a feed publishes
    std::atomic<bool> started_{false};

    mutable Mutex mutex_;
    Boards boards_ GUARDED_BY(mutex_);
    std::vector<SourceReport> sources_ GUARDED_BY(mutex_);
    // Null if a price has changed since it was built.
    mutable std::shared_ptr<const std::string> rates_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<PriceBus> create_in_process_bus(const std::vector<Ticker>& pinned) {
    return std::make_unique<InProcessBus>(pinned);
}

}  // namespace pricewire::bus
