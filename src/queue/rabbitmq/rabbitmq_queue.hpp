#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "queue/delivery_queue.hpp"

namespace pricewire::queue {

struct RabbitmqOptions {
    // amqp[s]://[user[:password]@]host[:port][/[vhost]]; the defaults are guest, guest, 5672 (5671 with TLS)
    // and "/". With TLS the broker's certificate and host name are verified against `ca_file`, a PEM file, or
    // against the system's authorities if that is empty.
    std::string url;
    std::string ca_file;
    std::string queue = "pricewire_deliveries";
    // A queue that was used before and is not now: its existence is logged once, so that somebody deletes it.
    // Empty: none.
    std::string earlier_queue;
    // A queue for this process alone, which ends with its consumer: for tasks of users of whom it is in charge. Empty: none.
    std::string own;
    // The queue for whoever is in charge of users in that slot; empty if that is not known. Any thread; may be empty.
    std::function<std::string(std::uint8_t slot)> queue_of;
    std::size_t prefetch = 2000;    // unacknowledged messages that a consumer holds; at most 65535
    std::size_t unconfirmed = 500;  // messages in flight to the broker
    // of a message; beyond it the connection is reopened
    Duration confirm_deadline = std::chrono::seconds{5};
    std::size_t max_unpublished = 100'000;  // tasks kept until published
    // A task not published within this time, or after this many tries, is left to the database, where senders
    // have found it long ago.
    Duration keep_unpublished = std::chrono::seconds{10};
    int tries = 5;
    Duration connect_timeout = std::chrono::seconds{2};  // for TCP, for the login and for each later call
    Duration ping_deadline = std::chrono::seconds{2};
    Duration stop_deadline = std::chrono::seconds{1};  // for publishing pending tasks on destruction
    std::chrono::seconds heartbeat{5};                 // a peer silent for twice as long is given up
};

// A queue in RabbitMQ 3.8 or later, using AMQP 0-9-1: a durable classic queue, declared if it does not exist; the quorum
// queue of earlier versions is used if there is one. Messages hold "<delivery id> <attempt>" and are mandatory and
// confirmed; one that is rejected, returned or not confirmed in time is published again. They are not persistent: a sender
// gets them without waiting for the broker's disk, and what a broker's end loses is found in the database. A task whose user
// is known says the user's slot in the property "type", and goes to the queue that `queue_of` names, or, if that is gone, to
// the queue of all. Up to a hundred that are waiting for one such queue share a message: a line each, "<delivery id> <attempt>
// <user id>". A process's own queue is deleted when its consumer goes, at the latest a minute later, and drops the oldest of
// more than 100,000 messages or 10 MB. Publishing and consuming have a thread and a connection each; the first publish(),
// even of nothing, or ping() starts the former, consume() the latter.
//
// publish(), consume() and done() never wait for the broker, and never throw because it is unavailable; an
// outage is logged once when it begins and once when it ends. ping() throws within `ping_deadline` if the
// broker does not answer or has blocked publishing. The destructor takes up to `stop_deadline`, or about
// `connect_timeout` if the broker's host does not answer; name resolution has the system's timeout.
//
// Throws std::invalid_argument if the URL is invalid; see rabbitmq_address().
std::unique_ptr<DeliveryQueue> create_rabbitmq_queue(const RabbitmqOptions& options);

// "host:port" of a broker's URL, for a log, or an error. Never contains the password.
Result<std::string> rabbitmq_address(std::string_view url);

}  // namespace pricewire::queue
