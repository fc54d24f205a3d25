#include "bus/redis/redis_bus.hpp"

#include <list>
#include <mutex>

#include "base/mutex.hpp"
#include "base/uuid.hpp"
#include "bus/redis/keys.hpp"
#include "bus/redis/publisher.hpp"
#include "bus/redis/reader.hpp"
#include "bus/redis/subscriber.hpp"
#include "redis/url.hpp"

namespace pricewire::bus {
namespace {

using namespace std::chrono_literals;

// Shorter than the time /health waits for an answer.
constexpr redis::Timeouts ping_timeouts{.connect = 800ms, .command = 800ms};

RedisBusOptions completed(RedisBusOptions options, const Clock& clock) {
    if (options.feed_id.empty()) options.feed_id = make_uuid(clock.now()).to_string();
    return options;
}

class RedisBus : public PriceBus {
public:
    RedisBus(RedisBusOptions options, const Clock& clock)
        : options_(completed(std::move(options), clock)),
          keys_(options_.prefix),
          address_(redis::address_of(options_.url)),
          outage_("Redis at " + address_.text(),
                  "prices are queued; no alert fires and no rate is shown until it is back",
                  "prices flow again"),
          clock_(clock) {
        if (options_.reads) reader();
    }
    ~RedisBus() override { unsubscribe_all(); }

    void publish(const Price& price) override { publisher().price(price); }
    void publish_gone(const PriceGone& gone) override { publisher().gone(gone); }
    void publish_heard(const Heard& heard) override { publisher().heard(heard); }
    void publish_board(const TickerBoard& board) override { publisher().board(board); }
    // Published without a price, the board expires unless another feed publishes one.
    void remove_board(const Ticker& ticker) override { publisher().board({.ticker = ticker}); }
    void publish_sources(std::span<const SourceReport> sources) override { publisher().sources(sources); }
    void processed(BusPosition position) override { publisher().processed(position); }

    void subscribe(PriceSubscriber subscriber) override {
        MutexLock lock(mutex_);
        subscribers_.emplace_back(options_, keys_, address_, outage_, clock_, std::move(subscriber));
    }

    void unsubscribe_all() override {
        MutexLock lock(mutex_);
        for (Subscriber& s : subscribers_) s.stop();
        subscribers_.clear();
    }

    std::optional<TickerBoard> board(Ticker ticker) const override { return reader().board(ticker); }
    bool has_price(const Ticker& ticker) const override { return reader().has_price(ticker); }
    std::vector<Ticker> unpriced() const override { return reader().unpriced(); }
    std::vector<Price> prices() const override { return reader().prices(); }
    std::shared_ptr<const std::string> rates_json() const override { return reader().rates_json(); }
    std::vector<SourceReport> sources() const override { return reader().sources(); }

    // On a new connection, since the question is whether one can be opened now. It writes, since a replica and
    // a Redis without memory answer, but take no prices.
    void ping() override {
        redis::Connection::open(address_, ping_timeouts)
            ->command({"SET", keys_.ping, "1", "PX", "10000"})
            .checked();
    }

private:
    Publisher& publisher() {
        std::call_once(publishing_,
                       [&] { publisher_ = std::make_unique<Publisher>(options_, keys_, address_, outage_); });
        return *publisher_;
    }
    Reader& reader() const {
        std::call_once(reading_, [&] {
            reader_ = std::make_unique<Reader>(options_, keys_, address_, outage_, clock_);
        });
        return *reader_;
    }

    const RedisBusOptions options_;
    const Keys keys_;
    const redis::Address address_;
    mutable Outage outage_;
    const Clock& clock_;
    std::once_flag publishing_;
    std::unique_ptr<Publisher> publisher_;
    mutable std::once_flag reading_;
    mutable std::unique_ptr<Reader> reader_;
    Mutex mutex_;
    std::list<Subscriber> subscribers_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<PriceBus> create_redis_bus(RedisBusOptions options, const Clock& clock) {
    return std::make_unique<RedisBus>(std::move(options), clock);
}

}  // namespace pricewire::bus
