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

// Why a connection failed, in words for the operator.
struct BrokerError : std::runtime_error {
    enum class Kind : std::uint8_t {
        away,           // it does not answer
        refused,        // it refuses access
        queue_differs,  // the queue exists with other arguments
        busy,           // internal error; in RabbitMQ 3.10 if two clients declare one queue at once
        blocked,        // it is short of memory or disk and accepts nothing for now
    };
    BrokerError(Kind k, const std::string& text) : std::runtime_error(text), kind(k) {}
    Kind kind;
};

// In words for anyone: no host, no name.
constexpr std::string_view brief(BrokerError::Kind kind) {
    switch (kind) {
        case BrokerError::Kind::away:
        case BrokerError::Kind::busy:
            break;
        case BrokerError::Kind::refused:
            return "it refuses access";
        case BrokerError::Kind::queue_differs:
            return "the queue is of another type; another name is needed, or it must be deleted";
        case BrokerError::Kind::blocked:
            return "it is short of memory or disk and accepts nothing";
    }
    return "not reachable";
}

// A message that was delivered or returned.
struct Message {
    std::uint64_t tag = 0;  // of a delivery
    std::string body;       // truncated just beyond the longest text of tasks
    std::optional<std::uint8_t> slot = std::nullopt;
    bool own = false;  // delivered from the process's own queue, or returned on its way to another's
};

// A connection with one channel, logged in and with the queue of all declared. Not thread-safe. A call waits for up
// to `connect_timeout`, and a write to a peer that does not read for up to two heartbeats. Failures throw
// BrokerError, after which the connection must be destroyed.
class Connection {
public:
    Connection(const BrokerUrl& url, const RabbitmqOptions& options, SocketCut& cut);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Whether the queue is one that an earlier version declared: its broker writes a message to its disk, and waits for
    // that, before a consumer gets it.
    bool writes_first() const { return writes_first_; }
    void ask_for_confirms();
    // Why the queue of this process, if it should have one, is refused: without it, only that of all is consumed.
    std::optional<std::string> begin_to_consume();
    // How many messages are in another queue; nullopt if it does not exist or access is refused. To be called
    // before anything is published.
    std::optional<std::uint32_t> messages_in(const std::string& queue);
    // Asks whether the queue exists; the answer comes as Event::Kind::pong.
    void send_ping();

    void publish(const std::string& queue, const std::string& body, std::optional<std::uint8_t> slot);
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
    // The next event, without waiting; nullopt if there is none for now. To be called at least once a second,
    // since it also sends heartbeats.
    std::optional<Event> next();
    // Waits until data arrives, `wake` is woken or `until`.
    void wait(Wake& wake, MonoTime until);
    // Closes the connection in an orderly way, waiting briefly for the answer.
    void close();

private:
    struct Destroy {
        void operator()(amqp_connection_state_t state) const { amqp_destroy_connection(state); }
    };

    void open_socket(const BrokerUrl& url, const RabbitmqOptions& options);
    void log_in(const BrokerUrl& url, const RabbitmqOptions& options);
    // Opens the channel.
    void declare_queue();
    std::optional<std::string> declare_own();
    // Why the queue, which exists, is of another type; the channel is closed then.
    std::optional<std::string> try_to_declare(const char* type);
    // Why the broker has closed the channel `of` instead of doing what was asked, for that reason if one is named: then it may
    // be opened again.
    std::optional<std::string> why_closed(std::uint16_t of, const amqp_rpc_reply_t& reply,
                                          std::optional<std::uint16_t> code = std::nullopt);
    std::optional<Event> on_method(const amqp_method_t& method);
    std::optional<Event> on_body(const amqp_frame_t& frame);
    void check(int status, const char* doing) const;
    void check(const amqp_rpc_reply_t& reply, const char* doing) const;
    [[noreturn]] void closed_by_broker(const amqp_method_t& method, const char* doing) const;

    const std::string queue_;
    const std::string own_;
    const std::size_t prefetch_;
    SocketCut& cut_;
    std::unique_ptr<amqp_connection_state_t_, Destroy> state_;
    int socket_ = -1;
    bool writes_first_ = false;
    // The message being received.
    std::optional<Event> incoming_;
    std::uint64_t incoming_left_ = 0;
};

}  // namespace pricewire::queue
