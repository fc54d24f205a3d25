#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/tls_identity.hpp"

namespace pricewire::test {

// What a webhook's receiver does with each connection.
enum class Behaviour {
    answers,               // 200 "ok", connections kept
    gone,                  // 410
    too_many,              // 429 with Retry-After
    redirects,             // 302 to HostileOptions::redirect_to
    drips,                 // the answer, a byte a second, for ever
    drips_body,            // status and headers at once, then a byte of the body a second, for ever
    keeps_open,            // 200 and a body without an announced end, which never comes
    informs_first,         // 103 a thousand times, then 200
    many_headers,          // 500 of them
    endless_headers,       // header lines without end
    endless_header_line,   // one header line without end
    huge_body,             // 10 GB
    gzip_bomb,             // 100 MB of zeros as gzip, not requested
    resets_on_accept,      // RST before anything was read
    resets_after_request,  // RST before anything was answered
    resets_in_headers,
    resets_in_body,
    half_closes,          // sends FIN after the request, no answer, and keeps its own side open
    silent,               // accepts, and neither reads nor writes
    stalls_handshake,     // answers the ClientHello a byte a tenth of a second, for ever
    http09,               // a body without status or headers
    informational_flood,  // 103 after 103
    answers_early,        // answers before it reads the request
    ends_early,           // promises 100 bytes, sends 10
    says_too_much,        // promises 2 bytes, sends them, and a second, unrequested answer with status 500
    negative_length,      // Content-Length: -5
    two_lengths,          // two Content-Length headers that contradict each other
    garbage_chunks,       // chunked, with invalid chunk sizes
    huge_chunk,           // chunked, with a size of 2^64 - 1
    garbage,              // random-looking bytes instead of HTTP
};
std::string_view to_string(Behaviour behaviour);
const std::vector<Behaviour>& all_behaviours();

struct HostileOptions {
    Behaviour behaviour = Behaviour::answers;
    std::optional<TlsIdentity> identity;  // TLS where set; else plain TCP
    std::string address = "127.0.0.1";    // loopback, IPv4 or IPv6
    std::uint16_t port = 0;               // 0: a free one
    std::string redirect_to;
    std::chrono::seconds retry_after{7};
};

// A receiver on loopback with a thread that accepts and, where a behaviour acts on its own, one a connection;
// at most 2,000 connections at once, further ones are closed. Methods are for any thread; the destructor cuts
// what is open and waits for the threads. Errors of sockets at the start are thrown as std::runtime_error.
class HostileReceiver {
public:
    explicit HostileReceiver(HostileOptions options);
    ~HostileReceiver();
    HostileReceiver(const HostileReceiver&) = delete;
    HostileReceiver& operator=(const HostileReceiver&) = delete;

    std::uint16_t port() const;
    // http or https, as it speaks; `host` replaces its address.
    std::string url(const std::string& path = "/hook", const std::string& host = {}) const;

    std::int64_t connections() const;    // accepted so far
    std::int64_t requests() const;       // read to their end so far
    std::int64_t bytes_written() const;  // handed to the kernel (or to TLS) so far

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pricewire::test
