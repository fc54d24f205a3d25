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
    Duration connect = std::chrono::seconds{1};  // in all, with the greeting
    Duration command = std::chrono::seconds{1};  // from sending to the last reply, where none is named
};

// A connection to Redis, in its protocol RESP2 (redis.io/docs/reference/protocol-spec): hiredis reads and
// writes the protocol, the socket is ours, since each wait needs a deadline and no write may raise SIGPIPE.
// Used by one thread at a time. Every function that waits throws RedisError when the deadline has passed or
// the peer is gone; the connection is then to be destroyed. An error reply is a reply.
class Connection {
public:
    // Connects, enters, picks the database and sees that it answers. Resolving a name takes as long as the
    // machine's resolver takes; all else keeps the deadline.
    static std::unique_ptr<Connection> open(const Address& address, const Timeouts& timeouts);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // One command and its reply.
    Reply command(std::initializer_list<std::string_view> arguments);
    Reply command(std::span<const std::string_view> arguments);
    // As above, for commands that wait in Redis.
    Reply command(std::initializer_list<std::string_view> arguments, Duration timeout);

    // A pipeline: appended, sent at once, answered in order.
    void append(std::initializer_list<std::string_view> arguments);
    void append(std::span<const std::string_view> arguments);
    // Commands that are written as the protocol has them.
    void append_raw(std::string_view commands) { out_ += commands; }
    void send(MonoTime deadline);
    Reply read(MonoTime deadline);

    MonoTime deadline() const { return std::chrono::steady_clock::now() + timeouts_.command; }

private:
    Connection(const Address& address, const Timeouts& timeouts);
    void connect(MonoTime deadline);
    void greet(MonoTime deadline);
    void wait(short events, MonoTime deadline);
    [[noreturn]] void give_up(std::string_view why) const;

    struct FreeReader {
        void operator()(redisReader* reader) const { redisReaderFree(reader); }
    };

    const Address address_;
    const Timeouts timeouts_;
    int socket_ = -1;
    std::string out_;  // appended, not sent
    std::string in_;   // room for what is received
    std::unique_ptr<redisReader, FreeReader> reader_;
};

// A script in Lua, known to Redis by its SHA-1.
class Script {
public:
    explicit Script(std::string text);
    // Runs it by its name alone; where Redis does not know it (any more), by its text. An error reply is
    // given back, apart from that one.
    Reply run(Connection& connection, std::span<const std::string_view> keys,
              std::span<const std::string_view> arguments) const;
    const std::string& text() const { return text_; }

private:
    std::string text_;
    std::string name_;
};

}  // namespace pricewire::redis
