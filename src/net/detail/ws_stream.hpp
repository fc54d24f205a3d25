#pragma once

#include <boost/system/error_code.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "net/event_loop.hpp"

// Beast's WebSocket behind a plain interface: its templates take minutes to compile, so they are compiled in
// one file, for clients and servers, with TLS or without.
namespace pricewire::net::detail {

// An open or opening WebSocket. It lives on one event loop's thread and calls back there, never from within
// the call that started an operation; one read and one write (write, ping or close) at a time. The owner
// keeps it alive until the operations under way have called back.
class WsStream {
public:
    using Done = std::move_only_function<void(boost::system::error_code)>;

    virtual ~WsStream() = default;
    // The opening handshake: sends the client's request, or answers the one the server was given.
    virtual void upgrade(Done done) = 0;
    virtual void read(Done done) = 0;
    // Whether a read is under way and has got a part of its message.
    virtual bool has_half_message() const = 0;
    // The message that was read last; valid until the next read().
    virtual std::string_view message() const = 0;
    virtual bool message_is_text() const = 0;
    virtual void write(std::string_view data, bool binary, Done done) = 0;  // `data` must live until `done`
    virtual void ping(std::string_view payload, Done done) = 0;
    virtual void close(std::uint16_t code, std::string_view reason, Done done) = 0;  // the closing handshake
    virtual std::string close_reason() const = 0;  // the peer's; empty if it gave none
    virtual void drop() = 0;                       // closes the socket; operations under way fail
};

// The answer to an upgrade, if it is not 101.
struct WsRefusal {
    int status = 0;
    std::string retry_after;
    std::string body;
};

struct WsClientTarget {
    bool tls = false;
    bool verify_tls = true;
    std::string ca_file;  // trusted in addition to the system's certificates, unless empty
    std::string host;     // a name or an address, without brackets
    std::string port;
    std::string path;
    std::size_t max_message_bytes = 0;
    Duration handshake_timeout{};
};

class WsClientStream : public WsStream {
public:
    // `failed` names the step that failed: "could not resolve the host".
    using Connected = std::move_only_function<void(boost::system::error_code, const char* failed)>;

    // Resolves, connects and, with TLS, secures the connection.
    virtual void connect(Connected done) = 0;
    // Set once upgrade() has failed because the server declined.
    virtual const WsRefusal* refusal() const = 0;
};

// `on_ping` is called for every ping and pong received; pings are answered already.
std::unique_ptr<WsClientStream> create_ws_client_stream(EventLoop& loop, const WsClientTarget& target,
                                                        std::function<void()> on_ping);

}  // namespace pricewire::net::detail
