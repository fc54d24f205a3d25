#pragma once

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "base/uuid.hpp"
#include "queue/rabbitmq/broker_url.hpp"

namespace pricewire::queue {

// The broker for tests; empty if there is none.
inline std::string test_broker_url() {
    const char* url = std::getenv("PRICEWIRE_TEST_RABBITMQ_URL");
    return url == nullptr ? "" : url;
}
inline constexpr const char* no_broker = "PRICEWIRE_TEST_RABBITMQ_URL is not set";

inline std::string test_queue_name() {
    return "pricewire-test-" + make_uuid(system_clock().now()).to_string();
}

// A separate client for what other programs do at the broker. Throws if the broker fails.
class TestBroker {
public:
    explicit TestBroker(const std::string& url = test_broker_url()) {
        const BrokerUrl to = parse_broker_url(url).value();
        amqp_socket_t* socket = amqp_tcp_socket_new(state_.get());
        const timeval timeout{10, 0};
        if (amqp_socket_open_noblock(socket, to.host.c_str(), to.port, &timeout) != AMQP_STATUS_OK) {
            throw std::runtime_error("no test broker at " + to.address());
        }
        amqp_set_rpc_timeout(state_.get(), &timeout);
        check(amqp_login(state_.get(), to.vhost.c_str(), 0, 131'072, 0, AMQP_SASL_METHOD_PLAIN,
                         to.user.c_str(), to.password.c_str()));
        amqp_channel_open(state_.get(), 1);
        check(amqp_get_rpc_reply(state_.get()));
    }

    void declare_classic(const std::string& queue) {
        amqp_queue_declare(state_.get(), 1, bytes(queue), 0, 0, 0, 0, amqp_empty_table);
        check(amqp_get_rpc_reply(state_.get()));
    }
    // Of another type: "quorum" or "stream".
    void declare(const std::string& queue, const char* other) {
        amqp_table_entry_t type{.key = amqp_cstring_bytes("x-queue-type"), .value = {}};
        type.value.kind = AMQP_FIELD_KIND_UTF8;
        type.value.value.bytes = amqp_cstring_bytes(other);
        amqp_queue_declare(state_.get(), 1, bytes(queue), 0, 1, 0, 0, {1, &type});
        check(amqp_get_rpc_reply(state_.get()));
    }
    void delete_queue(const std::string& queue) {
        amqp_queue_delete(state_.get(), 1, bytes(queue), 0, 0);
        check(amqp_get_rpc_reply(state_.get()));
    }
    // Messages ready for delivery, without those held by consumers.
    std::uint32_t count(const std::string& queue) {
        const auto* ok = amqp_queue_declare(state_.get(), 1, bytes(queue), 1, 0, 0, 0, amqp_empty_table);
        check(amqp_get_rpc_reply(state_.get()));
        return ok->message_count;
    }
    void publish(const std::string& queue, const std::string& body) {
        if (amqp_basic_publish(state_.get(), 1, amqp_empty_bytes, bytes(queue), 0, 0, nullptr, bytes(body)) !=
            AMQP_STATUS_OK) {
            throw std::runtime_error("the test broker does not accept the message");
        }
    }
    // The first ready message; empty if there is none.
    std::string take(const std::string& queue) {
        const amqp_rpc_reply_t reply = amqp_basic_get(state_.get(), 1, bytes(queue), 1);
        check(reply);
        if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD) return {};
        amqp_message_t message;
        check(amqp_read_message(state_.get(), 1, &message, 0));
        std::string body(static_cast<const char*>(message.body.bytes), message.body.len);
        persistent_ = message.properties.delivery_mode == 2;
        amqp_destroy_message(&message);
        return body;
    }
    bool last_was_persistent() const { return persistent_; }

private:
    struct Destroy {
        void operator()(amqp_connection_state_t state) const { amqp_destroy_connection(state); }
    };
    static amqp_bytes_t bytes(const std::string& text) {
        return {text.size(), const_cast<char*>(text.data())};
    }
    static void check(const amqp_rpc_reply_t& reply) {
        if (reply.reply_type != AMQP_RESPONSE_NORMAL)
            throw std::runtime_error("the test broker reports an error");
    }
    std::unique_ptr<amqp_connection_state_t_, Destroy> state_{amqp_new_connection()};
    bool persistent_ = false;
};

// A queue name for one test; the destructor deletes the queue.
class TestQueue {
public:
    ~TestQueue() {
        if (test_broker_url().empty()) return;
        try {
            TestBroker().delete_queue(name);
        } catch (const std::exception& e) {
            ADD_FAILURE() << "cannot delete the queue of this test: " << e.what();
        }
    }
    const std::string name = test_queue_name();
};

// A TCP relay in front of the broker that can cut, stall and refuse connections.
class Relay {
public:
    explicit Relay(const std::string& url = test_broker_url()) : to_(parse_broker_url(url).value()) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 16) != 0 ||
            getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            throw std::runtime_error("no relay");
        }
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~Relay() {
        stop_ = true;
        thread_.join();
        for (const auto& [from, other] : pairs_) close(from);
        close(listener_);
    }

    std::string url() const {
        return "amqp://" + to_.user + ":" + to_.password + "@127.0.0.1:" + std::to_string(port_) + "/";
    }
    void cut() { cut_ = true; }  // every connection, once
    // Stops accepting connections and data but keeps connections open, like a host that is gone.
    void stall(bool on) { stalled_ = on; }
    // Closes all connections at once, including new ones.
    void refuse(bool on) { refusing_ = on; }
    // Sends bytes as if from the broker, which must not be sending frames at the same time.
    void say_to_clients(const std::string& bytes) {
        MutexLock lock(mutex_);
        to_say_ += bytes;
    }
    int accepted() const { return accepted_; }

private:
    static sockaddr_in loopback(int port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }
    void run() {
        while (!stop_) {
            if (cut_.exchange(false) || refusing_) end_all();
            say();
            std::vector<pollfd> fds;
            if (!stalled_) {
                fds.push_back({listener_, POLLIN, 0});
                for (const auto& [from, other] : pairs_) fds.push_back({from, POLLIN, 0});
            }
            poll(fds.data(), fds.size(), 5);
            for (const pollfd& fd : fds) {
                if (fd.revents == 0) continue;
                if (fd.fd == listener_) {
                    take_connection();
                } else if (pairs_.contains(fd.fd)) {
                    pass_on(fd.fd);
                }
            }
        }
    }
    void say() {
        MutexLock lock(mutex_);
        for (const int client : to_say_.empty() ? std::set<int>() : clients_) {
            if (pairs_.contains(client)) send(client, to_say_.data(), to_say_.size(), MSG_NOSIGNAL);
        }
        to_say_.clear();
    }
    void take_connection() {
        const int in = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (in < 0) return;
        ++accepted_;
        const int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in address = loopback(to_.port);
        if (refusing_ || connect(out, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            close(in);
            close(out);
            return;
        }
        clients_.insert(in);
        pairs_[in] = out;
        pairs_[out] = in;
    }
    void pass_on(int from) {
        char buffer[65'536];
        const ssize_t got = recv(from, buffer, sizeof buffer, 0);
        const int to = pairs_.at(from);
        ssize_t sent = 0;
        while (got > 0 && sent < got) {
            const ssize_t n = send(to, buffer + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
            if (n <= 0) break;
            sent += n;
        }
        if (got > 0 && sent == got) return;
        for (const int end : {from, to}) {
            pairs_.erase(end);
            clients_.erase(end);
        }
        close(from);
        close(to);
    }
    void end_all() {
        for (const auto& [from, other] : pairs_) close(from);
        pairs_.clear();
        clients_.clear();
    }

    const BrokerUrl to_;
    int listener_ = -1;
    int port_ = 0;
    std::map<int, int> pairs_;  // each socket's peer
    std::set<int> clients_;     // those opened by clients
    Mutex mutex_;
    std::string to_say_ GUARDED_BY(mutex_);
    std::atomic<bool> stop_ = false, cut_ = false, stalled_ = false, refusing_ = false;
    std::atomic<int> accepted_ = 0;
    std::thread thread_;
};

}  // namespace pricewire::queue
