#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/address_guard.hpp"
#include "net/http_client.hpp"

namespace pricewire::net {

struct ServerRequest {
    std::string method;
    std::string target;  // as sent: path and query
    std::string path;    // of the target, without the query; not decoded
    std::string query;   // of the target, without '?'
    std::string host;    // asked for: lower case, without port or brackets; may be empty in HTTP/1.0
    Headers headers;     // names in lower case
    std::string body;
    std::shared_ptr<const void> place;  // of a large body, which it gives back when it is destroyed
    IpAddress peer;                     // of the socket
    const std::string* header(std::string_view lower_name) const;
};

// An open connection that the server keeps sending to: a WebSocket, or an endless response.
// Thread-safe; data is sent in order. Its holders release it before the server is destroyed.
class StreamPeer {
public:
    virtual ~StreamPeer() = default;
    // A whole message, or the next bytes of the body. Shared, because many peers are sent the same.
    virtual void send(std::shared_ptr<const std::string> data) = 0;
    // Ends the connection once everything sent before has been written; a WebSocket with this code (RFC 6455
    // §7.4) and reason (at most 123 bytes).
    virtual void close(std::uint16_t code, std::string reason) = 0;
    virtual void abort() = 0;                      // drops the TCP connection
    virtual std::size_t queued_bytes() const = 0;  // sent and not yet written
    void close() { close(1001, {}); }
};

struct ServerResponse {
    int status = 200;
    std::string content_type = "application/json";
    Headers headers;  // beside Content-Type, Content-Length, Date, Connection
    std::string body;
    std::shared_ptr<const std::string> shared_body;  // sent instead of body if set
    // If set, the body is a stream: called once, on the server's thread, when the head has been
    // sent; what it returns is called exactly once, last, when the connection has ended. Not called for HEAD.
    std::function<std::function<void()>(std::shared_ptr<StreamPeer>)> stream;
};

// One open WebSocket on the server side; send() sends text.
class WsPeer : public StreamPeer {
public:
    void send_text(std::string message) { send(std::make_shared<const std::string>(std::move(message))); }
    virtual void send_binary(std::string message) = 0;
    virtual void send_ping(std::string payload) = 0;
};

struct WsHandler {
    std::function<void(std::string_view)> on_text;  // on one of the server's threads
    std::function<void()> on_close;                 // exactly once, last
    std::optional<ServerResponse> refusal;          // sent instead of the 404 if on_text is empty
    std::string subprotocol;                        // one of those the client offers, or empty
    std::optional<Duration> first_text_within;      // otherwise it is closed with 1008
};

// Why a connection was closed or refused for lack of room.
namespace cut {
constexpr std::string_view full = "full";        // all connections were in use
constexpr std::string_view address = "address";  // its client had too many
constexpr std::string_view streams = "streams";  // there were too many streams
constexpr std::string_view silent = "silent";    // its first request did not come in time
constexpr std::string_view files = "files";      // the process had no file descriptor left
constexpr std::string_view all[] = {full, address, streams, silent, files};
}  // namespace cut

struct ServerOptions {
    std::string listen = "127.0.0.1:8000";  // "host:port", "[::1]:8000"; port 0 picks a free one
    int threads = 2;
    std::size_t max_header_bytes = 16 * 1024;  // 431 beyond
    std::size_t max_body_bytes = 64 * 1024;    // 413 beyond
    // Paths whose bodies may be this large instead. So many of those that exceed max_body_bytes are held at a time, from
    // their arrival to the answer; the others get 503.
    std::function<bool(std::string_view path)> takes_large_body;
    std::size_t max_large_body_bytes = 1024 * 1024;
    std::size_t max_large_bodies = 32;
    // At the limit the connection that has waited longest for its client is closed for a new one; one that is
    // being served never is. Streams have half of each limit.
    std::size_t max_connections = 10'000;
    // Beyond them it may hold three times this many for a moment: those that make room, and those that ask
    // for its health, with as many again for loopback.
    std::size_t health_reserve = 32;
    // Of one client, an IPv6 client being its /64; 0: no limit. Loopback and `proxies` are exempt.
    std::size_t max_connections_per_address = 0;
    std::vector<Network> proxies;
    Duration first_byte_timeout = std::chrono::seconds{5};  // from a connection to its first request
    Duration header_timeout =
        std::chrono::seconds{10};  // from a request's first byte to the end of its headers
    Duration body_timeout = std::chrono::seconds{10};   // from there to the end of the body
    Duration write_timeout = std::chrono::seconds{10};  // to send a response
    Duration idle_timeout = std::chrono::seconds{75};   // between requests
    // Whether ServerRequest::host is a name of this server; requests for others are answered 421. Empty:
    // any name is.
    std::function<bool(std::string_view host)> is_own_host;
    // Paths answered even when all connections are being served, within the reserve.
    std::function<bool(std::string_view path)> is_health;
    // Counts a connection that was cut, by its reason. Any thread.
    std::function<void(std::string_view reason)> cut;
    // Makes the body of the answers that the server itself gives, which are errors (4xx, 5xx).
    std::function<ServerResponse(int status, std::string_view detail)> error_response;
};

// HTTP/1.1 with keep-alive and pipelining (answers in order). Slow, endless and malformed clients are cut.
class HttpServer {
public:
    using Respond = std::move_only_function<void(ServerResponse)>;
    // Runs on one of the server's threads and must not block; `respond` is called once, from any thread, at
    // once or later. Dropping it uncalled answers 500.
    using Handler = std::function<void(ServerRequest&&, Respond)>;
    // Decides on a WebSocket upgrade; an empty on_text refuses it with 404.
    using UpgradeHandler = std::function<WsHandler(const ServerRequest&, std::shared_ptr<WsPeer>)>;

    // Stops at once, if stop() was not called.
    virtual ~HttpServer() = default;
    virtual std::uint16_t port() const = 0;
    // Takes no new connection, lets requests in progress end within `grace`, then closes. Blocking.
    virtual void stop(Duration grace) = 0;
};

// Listens when this returns. Error: the address cannot be bound or parsed.
Result<std::unique_ptr<HttpServer>> create_http_server(const ServerOptions& options,
                                                       HttpServer::Handler handler,
                                                       HttpServer::UpgradeHandler upgrade = {});

}  // namespace pricewire::net
