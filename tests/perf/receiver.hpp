#pragma once

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/text.hpp"

namespace pricewire::perf {

// Of steady_clock, which all processes on a machine share.
inline std::int64_t now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

// The value that `part` of the values, between 0 and 1, do not exceed; 0 without values. Sorts them.
inline double quantile(std::vector<double>& values, double part) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

// A listening socket at an address in network byte order; `port` 0 picks a free one. -1, with a message: it
// cannot be opened.
inline int listen_at(std::uint32_t address, std::uint16_t& port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = address;
    socklen_t size = sizeof at;
    if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
        std::perror("listen");
        return -1;
    }
    port = ntohs(at.sin_port);
    return fd;
}

// A receiver of webhooks that does as little as it can for a request: an epoll loop. One thread.
class Receiver {
public:
    Receiver() = default;
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    virtual ~Receiver() = default;

    // `number` is given to on_request() with what comes to this listener.
    void add_listener(int fd, std::size_t number) {
        listeners_[fd] = number;
        watch(fd);
    }
    // Handles what comes within the time.
    void step(int milliseconds) {
        const int n = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), milliseconds);
        for (int i = 0; i < n; ++i) {
            const int fd = events_[static_cast<std::size_t>(i)].data.fd;
            const auto listener = listeners_.find(fd);
            if (listener != listeners_.end()) {
                accept_all(fd, listener->second);
            } else {
                serve(fd);
            }
        }
    }

protected:
    struct Connection {
        std::uint64_t id = 0;  // never that of an earlier one
        int fd = -1;
        std::size_t listener = 0;
        std::string in;
    };

    // A whole request: its head in lower case, and the number of its firing, which is its alert's target; 0: none.
    virtual void on_request(const Connection& from, std::string_view head, std::size_t firing) = 0;

    static void answer(int fd, int status) {
        const std::string text = fmt::format("HTTP/1.1 {} X\r\ncontent-length: 0\r\n\r\n", status);
        if (write(fd, text.data(), text.size()) < 0 && errno != EPIPE) std::perror("write");
    }
    bool is_open(int fd, std::uint64_t id) const {
        const auto found = connections_.find(fd);
        return found != connections_.end() && found->second.id == id;
    }

private:
    void watch(int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
    void accept_all(int listener, std::size_t number) {
        for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
            const int one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            connections_[fd] = {++ids_, fd, number, {}};
            watch(fd);
        }
    }
    void serve(int fd) {
        Connection& c = connections_[fd];
        char buffer[8192];
        const ssize_t n = read(fd, buffer, sizeof buffer);
        if (n <= 0) {
            if (n < 0 && errno == EAGAIN) return;
            close(fd);
            connections_.erase(fd);
            return;
        }
        c.in.append(buffer, static_cast<std::size_t>(n));
        while (take_request(c)) {
        }
    }
    bool take_request(Connection& c) {
        const std::size_t head = c.in.find("\r\n\r\n");
        if (head == std::string::npos) return false;
        const std::string lower = lower_case(std::string_view(c.in).substr(0, head));
        const std::size_t length = number_after(lower, "content-length: ");
        if (c.in.size() < head + 4 + length) return false;
        on_request(c, lower,
                   number_after(std::string_view(c.in).substr(head + 4, length), "\"target_price\":"));
        c.in.erase(0, head + 4 + length);
        return true;
    }
    static std::size_t number_after(std::string_view text, std::string_view name) {
        const std::size_t at = text.find(name);
        std::size_t n = 0;
        if (at != text.npos) std::from_chars(text.data() + at + name.size(), text.data() + text.size(), n);
        return n;
    }

    const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    std::vector<epoll_event> events_ = std::vector<epoll_event>(1024);
    std::uint64_t ids_ = 0;
    std::unordered_map<int, std::size_t> listeners_;  // their numbers
    std::unordered_map<int, Connection> connections_;
};

}  // namespace pricewire::perf
