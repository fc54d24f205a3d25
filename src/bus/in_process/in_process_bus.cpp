#include "bus/in_process/in_process_bus.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "base/json_writer.hpp"
#include "base/mutex.hpp"

namespace pricewire::bus {
namespace {

class InProcessBus : public PriceBus {
public:
    explicit InProcessBus(std::vector<Ticker> tickers) {
        boards_.resize(tickers.size());
        for (std::size_t i = 0; i < tickers.size(); ++i) boards_[i].ticker = tickers[i];
    }

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

    void publish_board(const TickerBoard& board) override {
        MutexLock lock(mutex_);
        const auto slot = find(board.ticker);
        if (slot == boards_.end()) return;
        if (value_of(*slot) != value_of(board)) rates_.reset();
        *slot = board;
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
        const auto slot = find(ticker);
        if (slot == boards_.end()) return std::nullopt;
        return *slot;
    }

    std::shared_ptr<const std::string> rates_json() const override {
        MutexLock lock(mutex_);
        if (!rates_) rates_ = build_rates();
        return rates_;
    }

    std::vector<SourceReport> sources() const override {
        MutexLock lock(mutex_);
        return sources_;
    }

    void ping() override {}

private:
    // With a handful of tickers a linear search costs less than a hash.
    std::vector<TickerBoard>::iterator find(Ticker ticker) REQUIRES(mutex_) {
        return std::find_if(boards_.begin(), boards_.end(),
                            [&](const auto& b) { return b.ticker == ticker; });
    }
    std::vector<TickerBoard>::const_iterator find(Ticker ticker) const REQUIRES(mutex_) {
        return std::find_if(boards_.begin(), boards_.end(),
                            [&](const auto& b) { return b.ticker == ticker; });
    }

    static std::optional<Decimal> value_of(const TickerBoard& board) {
        if (!board.price) return std::nullopt;
        return board.price->value;
    }

    std::shared_ptr<const std::string> build_rates() const REQUIRES(mutex_) {
        JsonWriter w;
        w.begin_object();
        for (const TickerBoard& b : boards_) {
            if (b.price) w.field(b.ticker.view(), b.price->value);
        }
        w.end_object();
        return std::make_shared<const std::string>(std::move(w).str());
    }

    std::vector<PriceSubscriber> subscribers_;  // fixed while a feed publishes
    std::atomic<bool> started_{false};

    mutable Mutex mutex_;
    std::vector<TickerBoard> boards_ GUARDED_BY(mutex_);  // in the configured order
    std::vector<SourceReport> sources_ GUARDED_BY(mutex_);
    // Null if a price has changed since it was built.
    mutable std::shared_ptr<const std::string> rates_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<PriceBus> create_in_process_bus(std::vector<Ticker> tickers) {
    return std::make_unique<InProcessBus>(std::move(tickers));
}

}  // namespace pricewire::bus
