#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/reconnect.hpp"
#include "bus/redis/keys.hpp"
#include "bus/redis/redis_bus.hpp"
#include "bus/redis/stream.hpp"
#include "redis/connection.hpp"

namespace pricewire::bus {

// Follows the stream on its own thread for one subscriber.
class Subscriber {
public:
    // The references must outlive it. Starts at once.
    Subscriber(const RedisBusOptions& options, const Keys& keys, const redis::Address& address,
               Outage& outage, const Clock& clock, PriceSubscriber subscriber);
    ~Subscriber();
    Subscriber(const Subscriber&) = delete;
    Subscriber& operator=(const Subscriber&) = delete;

    // Does not wait; the destructor does, usually for up to half a second.
    void stop() { stop_.set(); }

private:
    struct Feed {
        std::uint64_t last = 0;  // number of its last entry
        MonoTime heard{};        // its last entry or sign of life
    };
    using Feeds = std::map<std::string, Feed, std::less<>>;

    void run();
    void begin();
    void choose_place(const redis::Reply& time, std::optional<BusPosition> last, redis::ReplyView last_entry,
                      std::string_view processed);
    void read();
    void deliver(redis::ReplyView entry, MonoTime now);
    void deliver(const StreamEntry& entry, MonoTime now);
    void look_whether_younger();
    void fall_behind();
    void catch_up();
    Feeds::iterator feed_of(std::string_view id);
    void ask_for_lives(MonoTime now);
    void forget_silent_feeds(MonoTime now);

    const RedisBusOptions& options_;
    const Keys& keys_;
    const redis::Address& address_;
    const Clock& clock_;
    const PriceSubscriber subscriber_;
    StopSignal stop_;

    // Used by the thread only.
    std::unique_ptr<redis::Connection> connection_;
    Reconnect reconnect_;
    BusPosition place_;  // everything up to here was delivered
    bool placed_ = false;
    bool behind_ = false;
    bool told_caught_up_ = false;
    bool warned_of_trimming_ = false;
    bool warned_of_nonsense_ = false;
    MonoTime read_at_{};   // when the last reading ended
    MonoTime lives_at_{};  // when to check next which feeds are live
    Feeds feeds_;
    std::map<Ticker, Feeds::iterator> last_feed_;  // the feed that sent the ticker's last price
    std::thread thread_;
};

}  // namespace pricewire::bus
