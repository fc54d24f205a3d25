#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace pricewire::test {

// A client that sends bytes as they are and reads what comes, patiently.
class RawClient {
public:
    // `receive_buffer`: how much the kernel takes for one that does not read; 0: as it likes.
    explicit RawClient(std::uint16_t port, int receive_buffer = 0)
        : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        if (receive_buffer > 0)
            setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        const timeval patience{30, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("no connection");
    }
    ~RawClient() { close(fd_); }
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;

    void put(const std::string& text) const { (void)!send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
    // Without waiting long for room: how much of it was taken, perhaps nothing.
    std::size_t put_some(std::string_view text) const {
        pollfd room{fd_, POLLOUT, 0};
        if (poll(&room, 1, 500) <= 0) return 0;
        const ssize_t sent = send(fd_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }
    void end() const { shutdown(fd_, SHUT_WR); }
    // Everything until the server closes.
    std::string rest() const {
        std::string text;
        char buffer[4096];
        ssize_t n = 0;
        while ((n = recv(fd_, buffer, sizeof buffer, 0)) > 0)
            text.append(buffer, static_cast<std::size_t>(n));
        return text;
    }
    // What comes up to and with `text`, and no more; all that came where the server closes before.
    std::string until(const std::string& text) {
        char buffer[4096];
        std::size_t from = 0;
        while (true) {
            const std::size_t at = pending_.find(text, from);
            if (at != std::string::npos) {
                std::string out = pending_.substr(0, at + text.size());
                pending_.erase(0, out.size());
                return out;
            }
            from = pending_.size() < text.size() ? 0 : pending_.size() - text.size();
            const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
            if (n <= 0) return std::exchange(pending_, {});
            pending_.append(buffer, static_cast<std::size_t>(n));
        }
    }
    // As a client that reads slowly: takes at most that much of what is there, without waiting, for until().
    void sip(std::size_t most) {
        std::string some(most, '\0');
        const ssize_t n = recv(fd_, some.data(), most, MSG_DONTWAIT);
        if (n > 0) pending_.append(some, 0, static_cast<std::size_t>(n));
    }
    // Takes what is there without waiting, and returns how much.
    std::size_t discard() {
        std::size_t all = std::exchange(pending_, {}).size();
        char buffer[16384];
        ssize_t n = 0;
        while ((n = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) all += static_cast<std::size_t>(n);
        return all;
    }
    // One answer with a Content-Length.
    std::string answer() {
        char buffer[4096];
        while (true) {
            const std::size_t head = pending_.find("\r\n\r\n");
            if (head != std::string::npos) {
                const std::size_t at = pending_.find("Content-Length: ");
                const std::size_t body =
                    at < head ? static_cast<std::size_t>(std::atoi(pending_.c_str() + at + 16)) : 0;
                if (pending_.size() >= head + 4 + body) {
                    std::string one = pending_.substr(0, head + 4 + body);
                    pending_.erase(0, one.size());
                    return one;
                }
            }
            const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
            if (n <= 0) return "closed: " + pending_;
            pending_.append(buffer, static_cast<std::size_t>(n));
        }
    }

private:
    int fd_;
    std::string pending_;
};

}  // namespace pricewire::test
