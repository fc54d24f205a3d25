#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "net/address_guard.hpp"
#include "net/local_error.hpp"

namespace pricewire::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    Headers headers;
    std::string body;
    Duration timeout = std::chrono::seconds{5};  // all of it: resolve, connect, TLS, send, answer
    std::size_t max_response_bytes =
        64 * 1024;  // more than this ends the transfer; see HttpResult::truncated
    // If set, the result is the answer's status and headers, however its body ends; the body is read for no
    // longer than this. Otherwise a body that does not end as announced is an error.
    std::optional<Duration> body_within;
    bool verify_tls = true;
    // Judges all addresses of the host before any connection is opened: if one is refused, the request is
    // (for localhost, if all are). Then it judges the address that is really used, before a
    // byte is sent, on new and reused connections alike. Not owned; outlives the request. Null: any address.
    const AddressGuard* guard = nullptr;
};

// All but the last two are the receiver's or the URL's failures. `local`: our own, HttpResult::local says
// which; nothing is known about the receiver.
enum class HttpError {
    none,
    bad_url,
    resolve,
    refused_address,
    connect,
    tls,
    timeout,
    protocol,
    local,
    cancelled
};
std::string_view to_string(HttpError e);

// How long each phase took; nullopt if it did not end or was not needed (a reused connection; a host that
// is an address, or a name whose addresses were known already).
struct HttpTimes {
    std::optional<Duration> dns;
    std::optional<Duration> connect;     // TCP
    std::optional<Duration> tls;         // the handshake after it
    std::optional<Duration> first_byte;  // from the request's first byte to the answer's
};

struct HttpResult {
    HttpError error = HttpError::none;
    std::optional<LocalCause> local;  // set if error is local
    std::string error_text;           // one plain sentence if error is set
    int status = 0;                   // of the answer, if there is one (then error is none)
    Headers headers;                  // names in lower case; at most 100, 16 KiB in all
    std::string body;                 // at most max_response_bytes
    bool truncated = false;           // the answer was longer than that; the rest was not read
    std::string body_error;           // why the body is not whole, if body_within allows it; empty if it is
    std::string remote_ip;            // the address that was used, if any; without one nothing was sent
    HttpTimes times;
    Duration duration{};  // from start() to the end

    const std::string* header(std::string_view lower_name) const;
};

// HTTP/1.1 requests to any host, many at once, on its own thread; a request that hangs takes nothing from
// the others but its connection. No redirects, no proxy from the environment, only http and https. Names
// are resolved by the client itself; an answer is kept for 1 to 30 s. Connections are kept and
// reused per host.
class HttpClient {
public:
    using Done = std::move_only_function<void(HttpResult)>;

    // Waits for the thread; requests still open end as HttpError::cancelled.
    virtual ~HttpClient() = default;
    // Any thread. `done` runs exactly once, on the client's thread, and must return quickly.
    virtual void start(HttpRequest request, Done done) = 0;
    // How many requests wait until its thread has time for them, in the order of start(). Any thread.
    virtual std::size_t not_begun() const = 0;
    // How many requests can be under way at once; further ones wait.
    virtual std::size_t max_connections() const { return std::numeric_limits<std::size_t>::max(); }
};

struct HttpClientOptions {
    // In all; further requests wait within their time-out, hosts by turns. Each may need two descriptors
    // while it connects to a host with several addresses.
    std::size_t max_connections = 2000;
    std::size_t max_connections_per_host = 64;  // per scheme, host and port
    // Idle connections kept; up to 32 more if each is to another host.
    std::size_t max_idle_connections = 256;
    std::string user_agent = "Pricewire";
    // Name servers, as "address" or "address:port" ("[::1]:53"). Empty: the system's.
    std::vector<std::string> dns_servers;
    // Certificates to trust, in PEM. Empty: the system's.
    std::string ca_file;
    // Called with each new socket before it connects; what it returns, if not 0, is the errno of the failure
    // to open it. For tests.
    std::function<int(int fd)> on_socket;
};

// Throws std::runtime_error if a name server is invalid or no file descriptor is free.
std::unique_ptr<HttpClient> create_http_client(const HttpClientOptions& options = {});

}  // namespace pricewire::net
