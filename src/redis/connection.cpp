#include "redis/connection.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <vector>

namespace pricewire::redis {
namespace {

constexpr std::size_t chunk = std::size_t{64} * 1024;
// Far above any reply that is asked for: a peer that keeps sending is not Redis.
constexpr std::size_t largest_reply = std::size_t{256} * 1024 * 1024;

struct FreeAddresses {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

// RESP arrays of bulk strings; encoded here, since hiredis would copy each command twice.
template <typename Arguments>
void append_command(std::string& out, const Arguments& arguments) {
    fmt::format_to(std::back_inserter(out), "*{}\r\n", arguments.size());
    for (const std::string_view argument : arguments) {
        fmt::format_to(std::back_inserter(out), "${}\r\n", argument.size());
        out += argument;
        out += "\r\n";
    }
}

}  // namespace

std::unique_ptr<Connection> Connection::open(const Address& address, const Timeouts& timeouts) {
    std::unique_ptr<Connection> out(new Connection(address, timeouts));
    const MonoTime deadline = std::chrono::steady_clock::now() + timeouts.connect;
    out->connect(deadline);
    out->greet(deadline);
    return out;
}

Connection::Connection(const Address& address, const Timeouts& timeouts)
    : address_(address), timeouts_(timeouts), reader_(redisReaderCreate()) {
    if (!reader_) throw std::bad_alloc();
    // An idle reader keeps a buffer of up to this size, so that bursts do not free and allocate it again.
    reader_->maxbuf = std::size_t{1} << 20;
    in_.resize(chunk);
}

Connection::~Connection() {
    if (socket_ >= 0) ::close(socket_);
}

void Connection::connect(MonoTime deadline) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (const int error =
            getaddrinfo(address_.host.c_str(), std::to_string(address_.port).c_str(), &hints, &found);
        error != 0) {
        give_up(gai_strerror(error));
    }
    const std::unique_ptr<addrinfo, FreeAddresses> list(found);
    std::string why = "has no address";
    for (const addrinfo* a = list.get(); a != nullptr; a = a->ai_next) {
        if (socket_ >= 0) ::close(socket_);
        socket_ = ::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (socket_ < 0) give_up(std::strerror(errno));
        int error = 0;
        if (::connect(socket_, a->ai_addr, a->ai_addrlen) != 0) {
            error = errno;
            if (error == EINPROGRESS) {
                wait(POLLOUT, deadline);
                socklen_t size = sizeof error;
                getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
            }
        }
        if (error == 0) {
            const int on = 1;
            setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return;
        }
        why = std::strerror(error);
    }
    give_up(why);
}

void Connection::greet(MonoTime deadline) {
    int replies = 1;
    if (!address_.password.empty()) {
        ++replies;
        if (address_.user.empty()) {
            append({"AUTH", address_.password});
        } else {
            append({"AUTH", address_.user, address_.password});
        }
    }
    if (address_.db != 0) {
        ++replies;
        append({"SELECT", std::to_string(address_.db)});
    }
    append({"PING"});
    send(deadline);
    for (; replies > 0; --replies) {
        const Reply reply = read(deadline);
        // Its first word is the error code; the rest may repeat the password.
        if (reply.is_error()) {
            give_up(fmt::format("refuses: {}",
                                reply.text().substr(0, std::min<std::size_t>(reply.text().find(' '), 50))),
                    brief(reply.text()));
        }
    }
}

Reply Connection::command(std::initializer_list<std::string_view> arguments) {
    return command(std::span(arguments.begin(), arguments.size()));
}

Reply Connection::command(std::span<const std::string_view> arguments) {
    append(arguments);
    const MonoTime until = deadline();
    send(until);
    return read(until);
}

Reply Connection::command(std::initializer_list<std::string_view> arguments, Duration timeout) {
    append(arguments);
    const MonoTime until = std::chrono::steady_clock::now() + timeout;
    send(until);
    return read(until);
}

void Connection::append(std::initializer_list<std::string_view> arguments) {
    append_command(out_, arguments);
}

void Connection::append(std::span<const std::string_view> arguments) {
    append_command(out_, arguments);
}

void Connection::send(MonoTime deadline) {
    std::size_t sent = 0;
    while (sent < out_.size()) {
        const ssize_t n = ::send(socket_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
        if (n >= 0) {
            sent += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN) {
            wait(POLLOUT, deadline);
        } else if (errno != EINTR) {
            give_up(std::strerror(errno));
        }
    }
    out_.clear();
}

Reply Connection::read(MonoTime deadline) {
    std::size_t received = 0;
    while (true) {
        void* reply = nullptr;
        if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK)
            give_up(fmt::format("speaks another protocol: {}", reader_->errstr));
        if (reply != nullptr) return Reply(static_cast<redisReply*>(reply));
        const ssize_t n = ::recv(socket_, in_.data(), in_.size(), 0);
        if (n > 0) {
            received += static_cast<std::size_t>(n);
            if (received > largest_reply) give_up("sends a reply that is too large");
            redisReaderFeed(reader_.get(), in_.data(), static_cast<std::size_t>(n));
        } else if (n == 0) {
            give_up("closed the connection");
        } else if (errno == EAGAIN) {
            wait(POLLIN, deadline);
        } else if (errno != EINTR) {
            give_up(std::strerror(errno));
        }
    }
}

void Connection::wait(short events, MonoTime deadline) {
    while (true) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) give_up("does not answer in time");
        pollfd one{socket_, events, 0};
        const int ready = ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
        if (ready > 0) return;
        if (ready < 0 && errno != EINTR) give_up(std::strerror(errno));
    }
}

void Connection::give_up(std::string_view why, std::string_view brief) const {
    throw RedisError(fmt::format("Redis at {}: {}", address_.text(), why), brief);
}

}  // namespace pricewire::redis
