#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "net/event_loop.hpp"
#include "net/local_error.hpp"

namespace pricewire::net {

// How a WebSocket ended or failed to open.
struct WsClosed {
    int http_status = 0;              // of the answer to the upgrade, if it is not 101
    std::string retry_after;          // that answer's Retry-After, as sent
    std::string body;                 // that answer's first 4 KiB
    std::string reason;               // one plain sentence, for the log
    std::optional<LocalCause> local;  // set if the lack is ours and says nothing about the server
};

struct WsClientHandler {
    std::function<void()> on_open;
    // Whole messages, at most max_message_bytes; without on_binary, binary ones are dropped.
    std::function<void(std::string_view)> on_text;
    std::function<void(std::string_view)> on_binary;
    std::function<void()> on_ping;                   // for pings, already answered, and pongs: a sign of life
    std::function<void(const WsClosed&)> on_closed;  // exactly once, last; not after ~WsClient or close()
};

struct WsClientOptions {
    std::string url;                                      // ws:// or wss://
    Duration connect_timeout = std::chrono::seconds{10};  // resolve, connect, TLS, upgrade
    std::size_t max_message_bytes = 1024 * 1024;
    bool verify_tls = true;
    std::string ca_file;  // trusted in addition to the system's; may be empty
};

// One WebSocket connection, from its creation to its end. Lives and calls back on the loop's thread.
// Destroying it drops the connection without a callback.
class WsClient {
public:
    virtual ~WsClient() = default;
    virtual void send_text(std::string message) = 0;
    virtual void send_ping() = 0;
};

std::unique_ptr<WsClient> open_websocket(EventLoop& loop, const WsClientOptions& options,
                                         WsClientHandler handler);

}  // namespace pricewire::net
