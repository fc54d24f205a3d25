#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "queue/delivery_queue.hpp"

namespace pricewire::queue {

struct RabbitmqOptions {
    // amqp[s]://[user[:password]@]host[:port][/[vhost]]; guest, guest, 5672 (5671 with TLS) and "/" where
    // they are left out. With TLS the broker's certificate is verified by name against `ca_file`, a PEM file,
    // or where that is empty the system's authorities.
    std::string url;
    std::string ca_file;
    std::string queue = "webhooks_queue";
    std::size_t prefetch = 2000;    // tasks that a consumer holds at most, not done with; at most 65535
    std::size_t unconfirmed = 500;  // messages that may be on their way to the broker
    Duration confirm_deadline = std::chrono::seconds{5};  // of a message; past it the connection is made anew
    std::size_t max_unpublished = 100'000;                // tasks kept until they are published
    // A task that could not be published for so long, or so often, is left to the database, where senders
    // have found it long ago.
    Duration keep_unpublished = std::chrono::seconds{10};
    int tries = 5;
    Duration connect_timeout = std::chrono::seconds{2};  // of TCP, of the login and of each call after it
    Duration ping_deadline = std::chrono::seconds{2};
    Duration stop_deadline = std::chrono::seconds{1};  // for what is unpublished at the end
    std::chrono::seconds heartbeat{5};  // a peer that says nothing for twice as long is given up
};

// The queue in a RabbitMQ 3.8 or later, by AMQP 0-9-1: a durable quorum queue, declared where it is not
// there. Messages are persistent, mandatory and confirmed: one that is refused, returned or not confirmed in
// time is published again. They hold "<delivery id> <attempt>". Publishing and consuming have a thread and a
// connection each; the first publish(), of nothing too, or ping() starts the one, consume() the other.
//
// Neither publish() nor consume() nor done() waits for the broker, or throws because it is away. Where it
// is, that is said once, with what it means, and once when it is back. ping() throws within `ping_deadline`
// where the broker does not answer or has blocked publishing. The end takes `stop_deadline`, or where the
// broker's host does not answer about `connect_timeout`; the system's resolver of names has its own time.
//
// Throws std::invalid_argument where the URL cannot be read; see rabbitmq_address().
std::unique_ptr<DeliveryQueue> create_rabbitmq_queue(const RabbitmqOptions& options);

// "host:port" of a broker's URL, for a log; or what is wrong with it. Never holds the password.
Result<std::string> rabbitmq_address(std::string_view url);

}  // namespace pricewire::queue
