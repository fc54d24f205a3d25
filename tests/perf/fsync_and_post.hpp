#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace pricewire::perf {

// The least that a durable webhook can take: a page is written into a file and flushed, and a request of a webhook's
// size is sent over an open connection on this machine.
class FsyncAndPost {
public:
    // The directory is the database's.
    FsyncAndPost(const std::filesystem::path& directory, std::uint16_t port)
        : file_(open((directory / "floor").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
          socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const std::string zeros(page.size(), '\0');
        bool is_filled = file_ >= 0;
        // By single pages, which is how the program prepares its log.
        for (std::size_t i = 0; i < pages && is_filled; ++i)
            is_filled = write(file_, zeros.data(), zeros.size()) > 0;
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int one = 1;
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (!is_filled || fsync(file_) != 0 ||
            connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
            throw std::runtime_error("the floor of a webhook cannot be measured here");
    }
    ~FsyncAndPost() {
        close(file_);
        close(socket_);
    }
    FsyncAndPost(const FsyncAndPost&) = delete;
    FsyncAndPost& operator=(const FsyncAndPost&) = delete;

    void run(const std::string& body) {
        flush();
        post(body);
    }
    void flush() {
        const auto at = static_cast<off_t>(next_++ % pages * page.size());
        if (pwrite(file_, page.data(), page.size(), at) < 0 || fdatasync(file_) != 0)
            throw std::runtime_error("the floor's file cannot be written");
    }
    // Returns when the receiver has answered.
    void post(const std::string& body) {
        const std::string request = fmt::format(
            "POST /floor HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: "
            "{}\r\n\r\n{}",
            body.size(), body);
        char answer[4096];
        if (send(socket_, request.data(), request.size(), MSG_NOSIGNAL) < 0 ||
            recv(socket_, answer, sizeof answer, 0) <= 0)
            throw std::runtime_error("the floor's request was not answered");
    }

private:
    static constexpr std::size_t pages = 1024;
    const std::string page = std::string(4096, 'x');
    const int file_;
    const int socket_;
    std::size_t next_ = 0;
};

}  // namespace pricewire::perf
