#include "support/tcp_gate.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <list>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "support/peer_socket.hpp"
#include "support/servers.hpp"

namespace pricewire::test {
namespace {

using MonoClock = std::chrono::steady_clock;

constexpr std::size_t held_at_most =
    1 << 20;  // bytes a direction; beyond, the sender waits as behind a full pipe

void make_reset(const Descriptor& socket) {
    const linger at_once{1, 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// What goes from one side to the other.
struct Direction {
    struct Chunk {
        MonoClock::time_point due;
        std::string bytes;  // empty: the end
    };
    std::deque<Chunk> held;
    std::size_t bytes = 0;
    bool read_to_end = false;
    bool ended = false;

    bool reads() const { return !read_to_end && bytes < held_at_most; }
    bool writes(MonoClock::time_point now) const { return !held.empty() && held.front().due <= now; }
};

// False where the connection has broken.
bool receive(Direction& way, int from, MonoClock::time_point due) {
    std::array<char, 65536> buffer;
    const ssize_t size = recv(from, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    way.read_to_end = size == 0;
    way.bytes += static_cast<std::size_t>(size);
    way.held.push_back({due, std::string(buffer.data(), static_cast<std::size_t>(size))});
    return true;
}

bool hand_on(Direction& way, int to, MonoClock::time_point now) {
    while (way.writes(now)) {
        std::string& bytes = way.held.front().bytes;
        if (bytes.empty()) {
            shutdown(to, SHUT_WR);
            way.ended = true;
        } else {
            const ssize_t size = send(to, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (size < 0) return errno == EAGAIN || errno == EINTR;
            way.bytes -= static_cast<std::size_t>(size);
            bytes.erase(0, static_cast<std::size_t>(size));
            if (!bytes.empty()) return true;
        }
        way.held.pop_front();
    }
    return true;
}

struct Pair {
    Descriptor client;
    Descriptor server;
    Direction up;    // client to server
    Direction down;  // server to client
};

enum class Mode { passing, half_open, cut };

std::size_t start_of_port(const std::string& url) {
    return url.find(':', url.find("127.0.0.1")) + 1;
}

}  // namespace

struct TcpGate::Impl {
    explicit Impl(std::uint16_t target_port)
        : target(target_port), port(free_port()), wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (!wake) throw std::runtime_error("no eventfd");
        listener = bind_loopback(SOCK_STREAM, "127.0.0.1", port).first;
        thread = std::thread([this] { run(); });
    }

    ~Impl() {
        change([this]() REQUIRES(mutex) { stopping = true; });
        thread.join();
    }

    // Makes a change and waits until the thread has seen it.
    void change(const std::function<void()>& how) {
        MutexLock lock(mutex);
        how();
        const std::uint64_t mine = ++asked;
        eventfd_write(wake.get(), 1);
        seen.wait(lock, [&]() REQUIRES(mutex) { return done >= mine; });
    }

    void run() {
        MutexLock lock(mutex);
        while (true) {
            if (std::exchange(resetting, false) || mode == Mode::cut || stopping) {
                for (const Pair& pair : pairs) {
                    make_reset(pair.client);
                    make_reset(pair.server);
                }
                pairs.clear();
            }
            if (mode == Mode::cut) {
                listener = Descriptor();
            } else if (!listener) {
                listener = bind_loopback(SOCK_STREAM, "127.0.0.1", port).first;
            }
            done = asked;
            seen.notify_all();
            if (stopping) return;

            const auto [polled, time_out] = interests();
            lock.unlock();
            std::vector<pollfd> ready = polled;
            poll(ready.data(), ready.size(), time_out);
            lock.lock();
            eventfd_t ignored;
            eventfd_read(wake.get(), &ignored);
            // The mode changed meanwhile: check what is ready under the new one.
            if (done == asked) act_on(ready);
        }
    }

    // What to wait for: wake, listener, then client and server of each pair; and for how long.
    std::pair<std::vector<pollfd>, int> interests() const REQUIRES(mutex) {
        std::vector<pollfd> out{{wake.get(), POLLIN, 0}, {listener.get(), POLLIN, 0}};
        const auto now = MonoClock::now();
        MonoClock::time_point next = now + std::chrono::seconds{1};
        const auto side = [](const Descriptor& socket, bool reads, bool writes) {
            const int events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0);
            // Left out if no event is wanted, since poll reports hang-ups in any case.
            return pollfd{events == 0 ? -1 : socket.get(), static_cast<short>(events), 0};
        };
        for (const Pair& pair : pairs) {
            const bool flows = mode == Mode::passing;
            out.push_back(side(pair.client, flows && pair.up.reads(), flows && pair.down.writes(now)));
            out.push_back(side(pair.server, flows && pair.down.reads(), flows && pair.up.writes(now)));
            for (const Direction* way : {&pair.up, &pair.down}) {
                if (flows && !way->held.empty() && way->held.front().due > now) {
                    next = std::min(next, way->held.front().due);
                }
            }
        }
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
        return {std::move(out), static_cast<int>(wait)};
    }

    void act_on(const std::vector<pollfd>& ready) REQUIRES(mutex) {
        const auto now = MonoClock::now();
        std::size_t i = 2;
        for (auto pair = pairs.begin(); pair != pairs.end(); i += 2) {
            bool alive = true;
            if (ready[i].revents & (POLLIN | POLLHUP | POLLERR)) {
                alive = alive && (!pair->up.reads() || receive(pair->up, pair->client.get(), now + late));
            }
            if (ready[i + 1].revents & (POLLIN | POLLHUP | POLLERR)) {
                alive = alive && (!pair->down.reads() || receive(pair->down, pair->server.get(), now + late));
            }
            if (mode == Mode::passing) {
                alive = alive && hand_on(pair->up, pair->server.get(), now);
                alive = alive && hand_on(pair->down, pair->client.get(), now);
            }
            if (!alive) {
                make_reset(pair->client);
                make_reset(pair->server);
            }
            pair = alive && !(pair->up.ended && pair->down.ended) ? std::next(pair) : pairs.erase(pair);
        }
        if (ready[1].revents & POLLIN) admit();
    }

    void admit() REQUIRES(mutex) {
        Descriptor client(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!client) return;
        ++accepted;
        // On loopback connect() does not wait for anybody.
        Descriptor server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(target);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (!server || connect(server.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
            make_reset(client);
            return;
        }
        pairs.push_back({std::move(client), std::move(server), {}, {}});
    }

    const std::uint16_t target;
    const std::uint16_t port;
    const Descriptor wake;
    mutable Mutex mutex;  // not held while the thread waits
    CondVar seen;
    std::uint64_t asked GUARDED_BY(mutex) = 0;
    std::uint64_t done GUARDED_BY(mutex) = 0;
    bool stopping GUARDED_BY(mutex) = false;
    bool resetting GUARDED_BY(mutex) = false;
    Mode mode GUARDED_BY(mutex) = Mode::passing;
    std::chrono::milliseconds late GUARDED_BY(mutex){0};
    std::int64_t accepted GUARDED_BY(mutex) = 0;
    Descriptor listener GUARDED_BY(mutex);
    std::list<Pair> pairs GUARDED_BY(mutex);
    std::thread thread;
};

TcpGate::TcpGate(std::uint16_t target_port) : impl_(std::make_unique<Impl>(target_port)) {}
TcpGate::~TcpGate() = default;

std::uint16_t TcpGate::port() const {
    return impl_->port;
}

std::int64_t TcpGate::accepted() const {
    MutexLock lock(impl_->mutex);
    return impl_->accepted;
}

std::size_t TcpGate::open() const {
    MutexLock lock(impl_->mutex);
    return impl_->pairs.size();
}

void TcpGate::pass() {
    delay(std::chrono::milliseconds{0});
}

void TcpGate::delay(std::chrono::milliseconds delay) {
    impl_->change([&]() REQUIRES(impl_->mutex) {
        impl_->mode = Mode::passing;
        impl_->late = delay;
    });
}

void TcpGate::half_open() {
    impl_->change([&]() REQUIRES(impl_->mutex) { impl_->mode = Mode::half_open; });
}

void TcpGate::cut() {
    impl_->change([&]() REQUIRES(impl_->mutex) { impl_->mode = Mode::cut; });
}

void TcpGate::reset() {
    impl_->change([&]() REQUIRES(impl_->mutex) { impl_->resetting = true; });
}

std::uint16_t port_in(const std::string& url) {
    return static_cast<std::uint16_t>(std::stoi(url.substr(start_of_port(url))));
}

std::string with_port(std::string url, std::uint16_t port) {
    const std::size_t start = start_of_port(url);
    const std::size_t end = url.find_first_not_of("0123456789", start);
    return url.replace(start, end - start, std::to_string(port));
}

}  // namespace pricewire::test
