#pragma once

#include <hiredis/hiredis.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "redis/reply.hpp"
#include "redis/url.hpp"

namespace pricewire::redis {

struct Timeouts {
    Duration connect = std::chrono::seconds{1};  // in total, including authentication
    Duration command = std::chrono::seconds{1};  // from sending to the last reply, unless given
};

// A connection to Redis using RESP2 (redis.io/docs/reference/protocol-spec). hiredis parses the protocol; the
// socket is ours, since each wait needs a deadline and no write may raise SIGPIPE. Used by one thread at a
// time. Functions that wait throw RedisError if the deadline has passed or the peer is gone; the connection
// must then be destroyed. An error reply is returned as a reply.
class Connection {
public:
    // Connects, authenticates, selects the database and checks that it answers. Name resolution takes as long
    // as the system's resolver takes; everything else respects the deadline.
    static std::unique_ptr<Connection> open(const Address& address, const Timeouts& timeouts);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // One command and its reply.
    Reply command(std::initializer_list<std::string_view> arguments);
    Reply command(std::span<const std::string_view> arguments);
    // As above, for commands that block in Redis.
    Reply command(std::initializer_list<std::string_view> arguments, Duration timeout);

    // A pipeline: commands are appended, sent together and answered in order.
    void append(std::initializer_list<std::string_view> arguments);
    void append(std::span<const std::string_view> arguments);
    // Commands already encoded in the protocol.
    void append_raw(std::string_view commands) { out_ += commands; }
    void send(MonoTime deadline);
    Reply read(MonoTime deadline);

    MonoTime deadline() const { return std::chrono::steady_clock::now() + timeouts_.command; }

private:
    Connection(const Address& address, const Timeouts& timeouts);
    void connect(MonoTime deadline);
    void greet(MonoTime deadline);
    void wait(short events, MonoTime deadline);
    [[noreturn]] void give_up(std::string_view why, std::string_view brief = "not reachable") const;

    struct FreeReader {
        void operator()(redisReader* reader) const { redisReaderFree(reader); }
    };

    const Address address_;
    const Timeouts timeouts_;
    int socket_ = -1;
    std::string out_;  // appended, not yet sent
    std::string in_;   // receive buffer
    std::unique_ptr<redisReader, FreeReader> reader_;
};

// A Lua script, which Redis identifies by its SHA-1.
class Script {
public:
    explicit Script(std::string text);
    // Runs it by its name or, if Redis does not have it cached, by its text. Returns any other error reply.
    Reply run(Connection& connection, std::span<const std::string_view> keys,
              std::span<const std::string_view> arguments) const;
    const std::string& text() const { return text_; }
    const std::string& name() const { return name_; }

private:
    std::string text_;
    std::string name_;
};

}  // namespace pricewire::redis
