#include "support/peer_socket.hpp"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "net/ip_address.hpp"

namespace pricewire::test {
namespace {

[[noreturn]] void give_up(const std::string& what) {
    throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

sockaddr_storage to_sockaddr(const std::string& text, std::uint16_t port, socklen_t& size) {
    const auto address = net::IpAddress::parse(text);
    if (!address) throw std::runtime_error("not an address: " + text);
    sockaddr_storage out{};
    if (address->is_v4()) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, address->bytes.data() + 12, 4);
        std::memcpy(&out, &in, size = sizeof in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port);
        std::memcpy(&in.sin6_addr, address->bytes.data(), 16);
        std::memcpy(&out, &in, size = sizeof in);
    }
    return out;
}

}  // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) close(fd_);
}

std::pair<Descriptor, std::uint16_t> bind_loopback(int type, const std::string& address, std::uint16_t port) {
    socklen_t size = 0;
    sockaddr_storage where = to_sockaddr(address, port, size);
    Descriptor socket(::socket(where.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) give_up("no socket");
    const int on = 1;
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(socket.get(), reinterpret_cast<sockaddr*>(&where), size) != 0 ||
        (type == SOCK_STREAM && listen(socket.get(), 1024) != 0) ||
        getsockname(socket.get(), reinterpret_cast<sockaddr*>(&where), &size) != 0) {
        give_up("cannot listen on " + address);
    }
    std::uint16_t bound = 0;  // at the same place in both kinds of address
    std::memcpy(&bound, reinterpret_cast<char*>(&where) + offsetof(sockaddr_in, sin_port), sizeof bound);
    return {std::move(socket), ntohs(bound)};
}

PeerSocket::PeerSocket(Descriptor socket, const StopSignal& stop, std::atomic<std::int64_t>& written)
    : socket_(std::move(socket)), stop_(stop), written_(written) {}

PeerSocket::~PeerSocket() {
    SSL_free(tls_);
}

bool PeerSocket::stopped() const {
    return stop_.is_set();
}

bool PeerSocket::wait_for(short events) {
    std::array<pollfd, 2> waiting{{{socket_.get(), events, 0}, {stop_.fd(), POLLIN, 0}}};
    int ready = 0;
    do {
        ready = poll(waiting.data(), waiting.size(), -1);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && waiting[1].revents == 0;
}

// After a TLS call that failed: true if it must be repeated.
bool PeerSocket::retry(int result) {
    switch (SSL_get_error(tls_, result)) {
        case SSL_ERROR_WANT_READ:
            return wait_for(POLLIN);
        case SSL_ERROR_WANT_WRITE:
            return wait_for(POLLOUT);
        default:
            ERR_clear_error();
            return false;
    }
}

bool PeerSocket::handshake(ssl_ctx_st* context) {
    tls_ = SSL_new(context);
    if (tls_ == nullptr || SSL_set_fd(tls_, socket_.get()) != 1) return false;
    while (true) {
        const int result = SSL_accept(tls_);
        if (result == 1) return true;
        if (!retry(result)) return false;
    }
}

bool PeerSocket::write(std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t done = 0;
        if (tls_ != nullptr) {
            done = SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()));
            if (done <= 0 && !retry(static_cast<int>(done))) return false;
        } else {
            done = send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (done < 0 && (errno != EAGAIN || !wait_for(POLLOUT))) return false;
        }
        if (done <= 0) continue;
        if (stopped()) return false;
        written_ += done;
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return true;
}

bool PeerSocket::read_some(std::string& into) {
    std::array<char, 16 * 1024> buffer;
    while (true) {
        ssize_t done = 0;
        if (tls_ != nullptr) {
            done = SSL_read(tls_, buffer.data(), static_cast<int>(buffer.size()));
            if (done <= 0 && !retry(static_cast<int>(done))) return false;
        } else {
            done = recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (done == 0 || (done < 0 && (errno != EAGAIN || !wait_for(POLLIN)))) return false;
        }
        if (done <= 0) continue;
        into.append(buffer.data(), static_cast<std::size_t>(done));
        return true;
    }
}

void PeerSocket::reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket_ = Descriptor();
}

void PeerSocket::finish() {
    shutdown(socket_.get(), SHUT_WR);
}

void PeerSocket::read_to_end() {
    std::string rest;
    while (read_some(rest)) rest.clear();
}

}  // namespace pricewire::test
