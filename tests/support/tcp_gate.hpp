#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace pricewire::test {

// A proxy on loopback in front of one TCP port of loopback, which does what networks do on bad days. Passes
// everything by default. A thread of its own; the methods are for any thread, and have taken effect
// when they return. Its own port stays the same for its life. Errors of sockets at the start are thrown as
// std::runtime_error.
class TcpGate {
public:
    explicit TcpGate(std::uint16_t target_port);
    ~TcpGate();  // resets what is open
    TcpGate(const TcpGate&) = delete;
    TcpGate& operator=(const TcpGate&) = delete;

    std::uint16_t port() const;
    std::int64_t accepted() const;  // connections so far
    std::size_t open() const;       // connections now

    void pass();                                  // everything, at once
    void delay(std::chrono::milliseconds delay);  // everything, that much later in each direction
    void half_open();                             // accepts, but forwards neither bytes nor ends until pass()
    void cut();    // RST to both sides of all that is open; new connections are refused
    void reset();  // the same RST, but new connections are treated as before

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// The port of a URL of 127.0.0.1 that has one, and the URL with another.
std::uint16_t port_in(const std::string& url);
std::string with_port(std::string url, std::uint16_t port);

}  // namespace pricewire::test
