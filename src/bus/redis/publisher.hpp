#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/mailbox.hpp"
#include "base/reconnect.hpp"
#include "bus/redis/keys.hpp"
#include "bus/redis/redis_bus.hpp"
#include "bus/redis/stream.hpp"
#include "redis/connection.hpp"

namespace pricewire::bus {

// Writes what a feed publishes and the positions that a checker has processed, on its own thread. Its
// functions are thread-safe and never wait.
class Publisher {
public:
    // The references must outlive it. Starts at once.
    Publisher(const RedisBusOptions& options, const Keys& keys, const redis::Address& address,
              Outage& outage);
    // Sends what is pending, for at most a second.
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    void price(const Price& price) { post(price); }
    void gone(const PriceGone& gone) { post(gone); }
    void heard(const Heard& heard) { post(heard); }
    void board(const TickerBoard& board) { post(board); }
    void sources(std::span<const SourceReport> sources) {
        post(std::vector<SourceReport>(sources.begin(), sources.end()));
    }
    void processed(BusPosition position) { post(position); }

private:
    using Message =
        std::variant<Price, PriceGone, Heard, TickerBoard, std::vector<SourceReport>, BusPosition>;

    // A price, its end or a sign of life, kept until Redis must have written it to disk.
    struct Kept {
        StreamEntry entry;
        MonoTime taken;
        MonoTime sent{};
    };

    void post(Message message) {
        if (!mailbox_.try_push(std::move(message))) overflowed_.fetch_add(1, std::memory_order_relaxed);
    }
    void run();
    MonoTime next_look(MonoTime now) const;
    void take(Message& message, MonoTime now);
    void drop_oldest(MonoTime now);
    void send(MonoTime now, bool closing);
    std::size_t append_prices(std::size_t count);
    std::size_t append_boards();
    std::size_t append_sources();
    std::size_t append_processed();
    void sent(std::size_t count, MonoTime now);
    void failed(std::string_view reason, MonoTime now);
    void say_goodbye();

    const RedisBusOptions& options_;
    const Keys& keys_;
    const redis::Address& address_;
    const std::string price_head_;  // the command that adds a price, up to its value
    const std::string gone_head_;
    const std::string heard_head_;
    Mailbox<Message> mailbox_;
    std::atomic<std::uint64_t> overflowed_{0};

    // Used by the thread only.
    std::unique_ptr<redis::Connection> connection_;
    Reconnect reconnect_;
    MonoTime retry_at_{};
    std::uint64_t number_ = 0;
    std::deque<Kept> kept_;
    std::size_t next_ = 0;                  // index in kept_ of the first entry not sent on this connection
    std::uint64_t sent_number_ = 0;         // of the last entry sent on any connection
    std::uint64_t dropped_ = 0;             // never sent, since last logged
    std::map<Ticker, TickerBoard> boards_;  // not yet sent
    std::vector<Ticker> sent_boards_;       // not yet acknowledged
    Ticker last_board_;                     // of those sent before
    MonoTime boards_at_{};
    std::optional<std::vector<SourceReport>> sources_;  // not yet sent
    bool told_sources_ = false;
    BusPosition processed_;
    bool processed_waits_ = false;
    MonoTime processed_at_{};
    MonoTime heard_at_{};  // when Redis last answered
    std::string value_;    // scratch
    std::thread thread_;
};

}  // namespace pricewire::bus
