#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/stop_signal.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace pricewire::test {

// A descriptor that is closed with this object.
class Descriptor {
public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor();
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_;
};

// A bound socket of `type` (SOCK_STREAM listens) on an address of loopback, and the port that it has. Throws
// std::runtime_error.
std::pair<Descriptor, std::uint16_t> bind_loopback(int type, const std::string& address, std::uint16_t port);

// The server's side of one connection, TCP or TLS over it. Every wait ends when `stop` is set. One thread.
class PeerSocket {
public:
    PeerSocket(Descriptor socket, const StopSignal& stop, std::atomic<std::int64_t>& written);
    ~PeerSocket();
    PeerSocket(const PeerSocket&) = delete;
    PeerSocket& operator=(const PeerSocket&) = delete;

    // Each is false where the peer has gone, or `stop` was set.
    bool handshake(ssl_ctx_st* context);
    bool write(std::string_view bytes);
    bool read_some(std::string& into);  // at least a byte, appended

    void reset();        // RST, now
    void finish();       // FIN; reading continues
    void read_to_end();  // until the peer's FIN or reset
    bool stopped() const;

private:
    bool wait_for(short events);
    bool retry(int result);

    Descriptor socket_;
    const StopSignal& stop_;
    std::atomic<std::int64_t>& written_;
    ssl_st* tls_ = nullptr;
};

}  // namespace pricewire::test
