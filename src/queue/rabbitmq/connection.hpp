#pragma once

#include <amqp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "queue/rabbitmq/broker_url.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "queue/rabbitmq/wake.hpp"

namespace pricewire::queue {

// What ends a connection, in words for the operator.
struct BrokerError : std::runtime_error {
    enum class Kind : std::uint8_t {
        away,           // it does not answer, or not any more
        refused,        // it answers, and does not let us in
        queue_differs,  // the queue is there with other arguments
        busy,           // an error of its own: of RabbitMQ 3.10 where two declare one quorum queue at once
        blocked,        // it is short of memory or disk, and takes nothing at present
    };
    BrokerError(Kind k, const std::string& text) : std::runtime_error(text), kind(k) {}
    Kind kind;
};

// A message that came, or that came back.
struct Message {
    std::uint64_t tag = 0;  // of a delivery
    std::string body;       // beyond the length of a task's text it is cut
};

// One connection with one channel, logged in, the queue declared. Belongs to one thread. Every call waits
// `connect_timeout` at most, writes to a peer that reads nothing two heartbeats; what fails is a BrokerError,
// and the connection is then to be thrown away.
class Connection {
public:
    Connection(const BrokerUrl& url, const RabbitmqOptions& options, SocketCut& cut);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void ask_for_confirms();
    void begin_to_consume();
    // Asks whether the queue is there; the answer comes as Event::Kind::pong.
    void send_ping();

    void publish(const std::string& body);
    void ack(std::uint64_t tag, bool multiple);
    void reject(std::uint64_t tag);

    struct Event {
        enum class Kind : std::uint8_t { delivered, returned, acked, nacked, blocked, unblocked, pong };
        Kind kind;
        Message message;        // delivered, returned
        std::uint64_t tag = 0;  // acked, nacked
        bool multiple = false;  // acked, nacked
        std::string reason;     // blocked
    };
    // What has come, without waiting; nullopt where there is nothing more at present. To be called once a
    // second at least: heartbeats go by it.
    std::optional<Event> next();
    // Waits until something comes, or `wake` is woken.
    void wait(Wake& wake, MonoTime until);
    // Says good-bye, and waits a moment for the answer.
    void close();

private:
    struct Destroy {
        void operator()(amqp_connection_state_t state) const { amqp_destroy_connection(state); }
    };

    void open_socket(const BrokerUrl& url, const RabbitmqOptions& options);
    void log_in(const BrokerUrl& url, const RabbitmqOptions& options);
    void declare_queue();
    std::optional<Event> on_method(const amqp_method_t& method);
    std::optional<Event> on_body(const amqp_frame_t& frame);
    void check(int status, const char* doing) const;
    void check(const amqp_rpc_reply_t& reply, const char* doing) const;
    [[noreturn]] void closed_by_broker(const amqp_method_t& method, const char* doing) const;

    const std::string queue_;
    const std::size_t prefetch_;
    SocketCut& cut_;
    std::unique_ptr<amqp_connection_state_t_, Destroy> state_;
    int socket_ = -1;
    // The message whose frames are coming in.
    std::optional<Event> incoming_;
    std::uint64_t incoming_left_ = 0;
};

}  // namespace pricewire::queue
