#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/reconnect.hpp"
#include "queue/rabbitmq/broker_outage.hpp"
#include "queue/rabbitmq/broker_url.hpp"
#include "queue/rabbitmq/connection.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "queue/rabbitmq/wake.hpp"

namespace pricewire::queue {

// The publishing side: a thread with its connection. The states of a message:
//
//   kept ──sent──▶ in flight ──confirmed──▶ gone
//    ▲                 │
//    └── nacked, returned or connection lost: retried until its tries or its time are used up; returned from the queue of
//        one sender, by the queue of all, unless it came from there: then the database has it
//
// At most `unconfirmed` are in flight. While the broker blocks publishing (memory, disk) nothing is sent and
// no confirms are expected.
class Publisher {
public:
    // `options` and `outage` must outlive it. Starts its thread.
    Publisher(const BrokerUrl& url, const RabbitmqOptions& options, BrokerOutage& outage);
    // Publishes pending tasks within `stop_deadline`.
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    void publish(std::span<const DeliveryTask> tasks);  // any thread; never waits for the broker
    void hand_on(std::span<const QueuedTask> tasks);    // the same
    void ping();                                        // any thread; throws std::runtime_error

private:
    struct Kept {
        DeliveryTask task;
        std::optional<std::uint8_t> slot;  // of its user
        MonoTime since;
        int tries = 0;
        bool is_for_all = false;    // who was in charge of the slot is gone
        bool is_handed_on = false;  // it came from the queue of all
    };
    // A message.
    struct Sent {
        std::vector<Kept> tasks;
        MonoTime at;
        bool returned = false;
        bool settled = false;
    };

    void keep(std::span<const Kept> tasks);
    // Tasks for a process's own queue share a message, if their users are known.
    struct Messages {
        std::vector<std::string> queues;  // of each
        std::vector<std::vector<Kept>> tasks;
    };
    Messages messages_of(std::span<const Kept> tasks) const;
    // Empty: that of all.
    std::string own_queue_for(const Kept& kept) const;
    void send(Connection& connection, const std::string& own_queue, std::span<const Kept> tasks) const;
    std::size_t tasks_in_flight() const;
    void run();
    void connected();
    void look_for_earlier_queue(Connection& connection);
    void tell_of_type();
    void failed(const BrokerError& e);
    void serve(Connection& connection);
    void take_in(Connection& connection);
    void confirmed(std::uint64_t tag, bool multiple, bool published, std::vector<Kept>& again);
    void mark_returned(const Message& message);
    void set_blocked(const std::string& reason);
    void set_unblocked();
    void keep_again(std::span<Kept> again);
    void drop_old();
    void send_pings(Connection& connection);
    bool send_some(Connection& connection);  // whether anything was sent
    bool finished();
    MonoTime wake_at();

    const BrokerUrl url_;
    const RabbitmqOptions& options_;
    BrokerOutage& outage_;
    Wake wake_;
    SocketCut cut_;
    StopSignal stop_;

    Mutex mutex_;
    CondVar changed_;
    std::deque<Kept> kept_ GUARDED_BY(mutex_);      // oldest first
    std::size_t in_flight_ GUARDED_BY(mutex_) = 0;  // tasks, as last seen by the thread, for the bound
    bool overflow_told_ GUARDED_BY(mutex_) = false;
    MonoTime stop_by_ GUARDED_BY(mutex_);
    bool ended_ GUARDED_BY(mutex_) = false;
    std::uint64_t pings_asked_ GUARDED_BY(mutex_) = 0;
    std::uint64_t pings_answered_ GUARDED_BY(mutex_) = 0;
    std::optional<BrokerError> trouble_ GUARDED_BY(mutex_);  // why nothing can be published; thrown by ping()

    // Used by the thread only.
    std::deque<Sent> sent_;
    std::uint64_t first_tag_ = 1;       // of sent_.front()
    std::optional<BrokerError> renew_;  // why to reopen the connection once nothing is in flight
    bool blocked_ = false;
    bool looked_for_earlier_ = false;
    bool type_told_ = false;
    std::uint64_t pings_sent_ = 0;

    std::thread thread_;
};

}  // namespace pricewire::queue
