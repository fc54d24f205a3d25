// A connection of the HTTP server, fed in pieces over a socket pair, on this thread alone. However the bytes
// come, it holds no more memory than its limits say, serves nothing after a request it has refused, sends
// nothing after its last answer, and ends when its client does.
//
// The first byte chooses the size of the pieces, the second how often the last 32 bytes are repeated: for
// what has no end.
#include <sanitizer/allocator_interface.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "net/detail/server_core.hpp"

namespace {

using namespace pricewire;
using namespace pricewire::net;

constexpr std::size_t header_limit = 1024;
constexpr std::size_t body_limit = 512;
constexpr std::size_t message_limit = 64 * 1024;  // of the server's WebSockets
constexpr std::size_t repeats = 128;              // for each unit of the second byte
// A line, the fields with what each costs, the body, what is read ahead; and the connection itself, the
// handler's copies, Asio's and Beast's own.
constexpr std::size_t held_most = 2 * header_limit + 100 * 64 + body_limit + 16 * 1024 + 48 * 1024;

void require(bool holds) {
    if (!holds) std::abort();
}

// Memory allocated while the server runs, and not yet freed.
bool counting = false;
std::int64_t held = 0;
std::int64_t peak = 0;
void on_malloc(const volatile void*, std::size_t size) {
    if (!counting) return;
    held += static_cast<std::int64_t>(size);
    peak = std::max(peak, held);
}
void on_free(const volatile void* data) {
    if (counting && data != nullptr) held -= static_cast<std::int64_t>(__sanitizer_get_allocated_size(data));
}

struct Server {
    Server() : worker(prepared()) {
        worker.gate()->set_thread(std::this_thread::get_id());
        __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    }
    detail::ServerCore& prepared() {
        core.options.max_header_bytes = header_limit;
        core.options.max_body_bytes = body_limit;
        core.options.error_response = [this](int status, std::string_view) {
            refused = true;
            return ServerResponse{.status = status};
        };
        core.handler = [this](ServerRequest&& request, HttpServer::Respond respond) {
            require(!refused);
            require(request.headers.size() <= 100 && request.body.size() <= body_limit);
            require(!request.target.empty());
            if (request.path.starts_with("/l")) return later.push_back(std::move(respond));
            respond({.body = request.body});
        };
        core.upgrade = [this](const ServerRequest&, std::shared_ptr<WsPeer> peer) {
            require(!refused);
            upgraded = true;
            WsHandler handler;
            handler.on_text = [peer](std::string_view text) {
                require(text.size() <= message_limit);
                peer->send_text("ok");
            };
            return handler;
        };
        core.crowd =
            std::make_unique<detail::Crowd>(detail::CrowdLimits{.connections = 10}, [](std::string_view) {});
        return core;
    }
    void run() {
        counting = true;
        while (worker.context().poll() > 0) {
        }
        counting = false;
        require(peak <= static_cast<std::int64_t>(held_most + (upgraded ? message_limit : 0)));
    }

    detail::ServerCore core;
    detail::Worker worker;
    std::vector<HttpServer::Respond> later;
    bool refused = false;
    bool upgraded = false;
};

class Client {
public:
    explicit Client(Server& server) : server_(server) {
        int ends[2];
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
        fd_ = ends[0];
        server.refused = server.upgraded = false;
        held = peak = 0;
        detail::Tcp::socket socket(server.worker.context());
        socket.assign(detail::Tcp::v4(), ends[1]);
        server.worker.adopt(std::move(socket), *server.core.crowd->enter(IpAddress{}));
        server.run();
    }
    ~Client() { close(fd_); }

    void put(std::string_view piece) {
        while (!piece.empty() && !ended_) {
            const ssize_t sent = send(fd_, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0) piece.remove_prefix(static_cast<std::size_t>(sent));
            server_.run();
            answer_later();
            // Nothing taken, and the server has run: it has closed its end.
            if (!take() && sent <= 0) return;
        }
    }
    void end() {
        shutdown(fd_, SHUT_WR);
        for (int i = 0; i < 1000 && !ended_; ++i) {
            server_.run();
            answer_later();
            take();
        }
        require(ended_);
    }
    const std::string& answers() const { return answers_; }

private:
    // Whether anything came.
    bool take() {
        char buffer[4096];
        bool any = false;
        while (true) {
            const ssize_t n = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
            if (n == 0 || (n < 0 && errno != EAGAIN)) ended_ = true;
            if (n <= 0) return any;
            any = true;
            answers_.append(buffer, static_cast<std::size_t>(n));
        }
    }
    void answer_later() {
        for (auto& respond : std::exchange(server_.later, {})) respond({.body = "late"});
        server_.run();
    }

    Server& server_;
    int fd_ = -1;
    bool ended_ = false;
    std::string answers_;
};

// Each answer is whole, and nothing follows the one that says it is the last.
void check_answers(std::string_view all) {
    while (!all.empty()) {
        require(all.starts_with("HTTP/1.1 "));
        const std::size_t end = all.find("\r\n\r\n");
        require(end != std::string_view::npos);
        const std::string_view head = all.substr(0, end + 2);
        all.remove_prefix(end + 4);
        if (head.starts_with("HTTP/1.1 100 ")) continue;
        const std::size_t length = head.find("Content-Length: ");
        require(length != std::string_view::npos);
        const auto body = static_cast<std::size_t>(std::strtoul(head.data() + length + 16, nullptr, 10));
        // The answer to HEAD has a length and no body.
        if (body > 0 && !all.starts_with("HTTP/1.1 ")) {
            if (all.empty()) return;
            require(all.size() >= body);
            all.remove_prefix(body);
        }
        if (head.contains("\r\nConnection: close\r\n")) require(all.empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Server server;
    if (size < 2) return 0;
    const std::size_t piece = data[0] == 0 ? 100'000 : data[0];
    std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::string tail = bytes.substr(bytes.size() - std::min<std::size_t>(bytes.size(), 32));
    const std::size_t times = data[1] * repeats;
    for (std::size_t i = 0; i < times; ++i) bytes += tail;
    Client client(server);
    for (std::size_t at = 0; at < bytes.size(); at += at < size ? piece : 4096)
        client.put(std::string_view(bytes).substr(at, at < size ? piece : 4096));
    client.end();
    if (!server.upgraded) check_answers(client.answers());
    return 0;
}
