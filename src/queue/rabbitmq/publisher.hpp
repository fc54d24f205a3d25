#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "queue/rabbitmq/broker_url.hpp"
#include "queue/rabbitmq/connection.hpp"
#include "queue/rabbitmq/outage.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "queue/rabbitmq/wake.hpp"

namespace pricewire::queue {

// The publishing side: a thread and its connection. What a message goes through:
//
//   kept ──sent──▶ in flight ──confirmed──▶ gone
//    ▲                 │
//    └── nacked, returned, its connection lost: again, until its tries or its time are over
//
// At most `unconfirmed` are in flight. While the broker blocks publishing (memory, disk) nothing is sent, and
// confirms are not expected.
class Publisher {
public:
    // `options` and `outage` outlive it. Starts its thread.
    Publisher(const BrokerUrl& url, const RabbitmqOptions& options, Outage& outage);
    // Publishes what it has, where that goes at once.
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    void publish(std::span<const DeliveryTask> tasks);  // any thread; never waits for the broker
    void ping();                                        // any thread; throws std::runtime_error

private:
    struct Kept {
        DeliveryTask task;
        MonoTime since;
        int tries = 0;
    };
    struct Sent {
        Kept kept;
        MonoTime at;
        bool returned = false;
        bool settled = false;
    };

    void run();
    void connected();
    void failed(const BrokerError& e);
    void serve(Connection& connection);
    void take_in(Connection& connection);
    void confirmed(std::uint64_t tag, bool multiple, bool published, std::vector<Kept>& again);
    void mark_returned(const std::string& body);
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
    Outage& outage_;
    Wake wake_;
    SocketCut cut_;

    Mutex mutex_;
    CondVar changed_;
    std::deque<Kept> kept_ GUARDED_BY(mutex_);      // oldest first
    std::size_t in_flight_ GUARDED_BY(mutex_) = 0;  // as of the thread's last look, for the bound
    bool overflow_told_ GUARDED_BY(mutex_) = false;
    bool stop_ GUARDED_BY(mutex_) = false;
    MonoTime stop_by_ GUARDED_BY(mutex_);
    bool ended_ GUARDED_BY(mutex_) = false;
    std::uint64_t pings_asked_ GUARDED_BY(mutex_) = 0;
    std::uint64_t pings_answered_ GUARDED_BY(mutex_) = 0;
    std::string trouble_ GUARDED_BY(mutex_);  // why nothing can be published; what a ping throws

    // The thread's own.
    Rng rng_;
    std::deque<Sent> sent_;
    std::uint64_t first_tag_ = 1;       // of sent_.front()
    std::optional<BrokerError> renew_;  // why the connection is to be made anew, once nothing is in flight
    bool blocked_ = false;
    std::uint64_t pings_sent_ = 0;

    std::thread thread_;
};

}  // namespace pricewire::queue
