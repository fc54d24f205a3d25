#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/reconnect.hpp"
#include "queue/delivery_queue.hpp"
#include "queue/rabbitmq/ack_ledger.hpp"
#include "queue/rabbitmq/broker_outage.hpp"
#include "queue/rabbitmq/broker_url.hpp"
#include "queue/rabbitmq/connection.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "queue/rabbitmq/wake.hpp"

namespace pricewire::queue {

// Receipts on their way to the consumer's thread. Outlives consumers, so that done() may be called at any
// time. A receipt is the number of the connection on which its task arrived and the delivery tag on it.
class Receipts {
public:
    void push(std::span<const std::uint64_t> receipts);  // any thread
    std::vector<std::uint64_t> take();
    Wake& wake() { return wake_; }

    // The number of a new connection, from 1; never reused.
    std::uint64_t next_epoch() { return ++epoch_; }
    static std::uint64_t receipt(std::uint64_t epoch, std::uint64_t tag) { return epoch << tag_bits | tag; }
    static std::uint64_t epoch_of(std::uint64_t receipt) { return receipt >> tag_bits; }
    static std::uint64_t tag_of(std::uint64_t receipt) {
        return receipt & ((std::uint64_t{1} << tag_bits) - 1);
    }

private:
    // A trillion tasks per connection, sixteen million connections.
    static constexpr int tag_bits = 40;

    Mutex mutex_;
    std::vector<std::uint64_t> receipts_ GUARDED_BY(mutex_);
    Wake wake_;
    std::atomic<std::uint64_t> epoch_ = 0;
};

// The consuming side: a thread with its connection, for as long as there is a consumer.
class Consumer {
public:
    using OnTasks = std::function<void(std::span<const QueuedTask>)>;

    // `options`, `outage` and `receipts` must outlive it. `on_tasks` is called on its thread.
    Consumer(const BrokerUrl& url, const RabbitmqOptions& options, BrokerOutage& outage, Receipts& receipts,
             OnTasks on_tasks);
    // Once it returns, `on_tasks` is not running and will not be called; unacknowledged tasks are back in the
    // queue.
    ~Consumer();
    Consumer(const Consumer&) = delete;
    Consumer& operator=(const Consumer&) = delete;

private:
    void run();
    void tell_of_refusal(const std::string& reason);
    void serve(Connection& connection);
    void take_in(Connection& connection, std::vector<QueuedTask>& batch);
    void on_message(Connection& connection, const Message& message, std::vector<QueuedTask>& batch);
    void acknowledge(Connection& connection);

    const BrokerUrl url_;
    const RabbitmqOptions& options_;
    BrokerOutage& outage_;
    Receipts& receipts_;
    const OnTasks on_tasks_;
    SocketCut cut_;
    StopSignal stop_;

    Mutex mutex_;
    CondVar changed_;
    bool ended_ GUARDED_BY(mutex_) = false;

    // Used by the thread only.
    std::uint64_t epoch_ = 0;
    AckLedger ledger_;
    bool malformed_told_ = false;
    bool refusal_told_ = false;

    std::thread thread_;
};

}  // namespace pricewire::queue
