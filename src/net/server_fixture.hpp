#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Servers for tests of outgoing connections, all on loopback.
namespace pricewire::net {

inline std::uint16_t port_of(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("cannot listen");
    return ntohs(address.sin_port);
}

inline int bound_socket(int type, const char* host, std::uint16_t port) {
    const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = inet_addr(host);
    address.sin_port = htons(port);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error(std::string("cannot bind ") + host + ": " + std::strerror(errno));
    return fd;
}

inline int listen_on(const char* host, std::uint16_t port, int backlog = 4096) {
    const int fd = bound_socket(SOCK_STREAM, host, port);
    if (listen(fd, backlog) != 0) throw std::runtime_error("cannot listen");
    return fd;
}

inline int connect_to(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = inet_addr("127.0.0.1");
    address.sin_port = htons(port);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error(std::string("cannot connect: ") + std::strerror(errno));
    return fd;
}

// A listener on loopback whose connections a function serves, one after another, on a thread of its own.
class RawServer {
public:
    // `address` is one of 127.0.0.0/8; port 0: any.
    explicit RawServer(std::function<void(int)> serve, const char* address = "127.0.0.1",
                       std::uint16_t port = 0)
        : serve_(std::move(serve)), listener_(listen_on(address, port)), port_(port_of(listener_)) {
        thread_ = std::thread([this] { run(); });
    }
    ~RawServer() {
        stopping_ = true;
        // A kept connection would hold its server in recv() for ever.
        if (const int fd = active_; fd >= 0) shutdown(fd, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }
    std::string url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    std::uint16_t port() const { return port_; }
    int accepted() const { return accepted_; }
    bool stopping() const { return stopping_; }

private:
    void run() {
        while (!stopping_) {
            pollfd waiting{listener_, POLLIN, 0};
            if (poll(&waiting, 1, 20) <= 0) continue;
            const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) continue;
            ++accepted_;
            active_ = fd;
            serve_(fd);
            active_ = -1;
            close(fd);
        }
    }
    std::function<void(int)> serve_;
    const int listener_;
    const std::uint16_t port_;
    std::atomic<int> accepted_ = 0;
    std::atomic<int> active_ = -1;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

inline bool put(int fd, const std::string& text) {
    return send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// Reads a request up to the end of its body; empty if the client closed the connection.
inline std::string read_request(int fd) {
    std::string text;
    char buffer[4096];
    while (true) {
        const std::size_t head = text.find("\r\n\r\n");
        if (head != std::string::npos) {
            const std::size_t at = text.find("Content-Length: ");
            const std::size_t body =
                at == std::string::npos ? 0 : static_cast<std::size_t>(std::atoi(text.c_str() + at + 16));
            if (text.size() >= head + 4 + body) return text;
        }
        const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) return {};
        text.append(buffer, static_cast<std::size_t>(n));
    }
}

inline std::function<void(int)> answering(const std::string& answer) {
    return [answer](int fd) {
        while (!read_request(fd).empty() && put(fd, answer)) {
        }
    };
}

inline constexpr const char* ok_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seen: Yes\r\n\r\nhi";

// A listener for thousands of connections at once: gives each request the same answer, or none if it is
// empty.
class CrowdServer {
public:
    explicit CrowdServer(std::string answer)
        : answer_(std::move(answer)), listener_(listen_on("127.0.0.1", 0)), port_(port_of(listener_)) {
        thread_ = std::thread([this] { run(); });
    }
    ~CrowdServer() {
        stopping_ = true;
        thread_.join();
        close(listener_);
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
    std::uint16_t port() const { return port_; }
    int accepted() const { return accepted_; }
    int open() const { return open_; }
    int most_open() const { return most_open_; }

private:
    void run() {
        std::vector<pollfd> fds{{listener_, POLLIN, 0}};
        while (!stopping_) {
            poll(fds.data(), fds.size(), 20);
            if ((fds[0].revents & POLLIN) != 0) {
                const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
                if (fd >= 0) fds.push_back({fd, POLLIN, 0});
                accepted_ += fd >= 0 ? 1 : 0;
            }
            for (std::size_t i = 1; i < fds.size(); ++i) {
                if (fds[i].revents != 0 && !serve(fds[i].fd)) {
                    close(fds[i].fd);
                    fds[i].fd = -1;
                }
            }
            std::erase_if(fds, [](const pollfd& p) { return p.fd < 0; });
            open_ = static_cast<int>(fds.size()) - 1;
            most_open_ = std::max(most_open_.load(), open_.load());
        }
        for (std::size_t i = 1; i < fds.size(); ++i) close(fds[i].fd);
    }
    bool serve(int fd) const {
        char buffer[4096];
        const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        return n > 0 && (answer_.empty() || put(fd, answer_));
    }
    const std::string answer_;
    const int listener_;
    const std::uint16_t port_;
    std::atomic<int> accepted_ = 0;
    std::atomic<int> open_ = 0;
    std::atomic<int> most_open_ = 0;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace pricewire::net
