// A client that sends requests and never reads, over a socket pair: there a write without room takes nothing,
// where TCP nearly always takes a part.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "net/detail/server_core.hpp"

namespace pricewire::net::detail {
namespace {

using namespace std::chrono_literals;

TEST(HttpDeafClient, DelaysNoOther) {
    ServerCore core;
    core.handler = [](ServerRequest&&, HttpServer::Respond respond) { respond({.body = "{}"}); };
    core.crowd = std::make_unique<Crowd>(CrowdLimits{.connections = 1}, [](std::string_view) {});
    Worker worker(core);
    worker.start();
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    worker.gate()->post([&] {
        Tcp::socket socket(worker.context());
        socket.assign(Tcp::v4(), ends[1]);
        worker.adopt(std::move(socket), *core.crowd->enter(IpAddress{}));
    });

    const std::string_view request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    std::size_t at = 0;
    for (pollfd room{ends[0], POLLOUT, 0}; poll(&room, 1, 500) > 0;) {
        const auto rest = request.substr(at);
        const ssize_t sent = send(ends[0], rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) at = (at + static_cast<std::size_t>(sent)) % request.size();
    }

    std::promise<void> other;
    worker.gate()->post([&] { other.set_value(); });
    EXPECT_EQ(other.get_future().wait_for(30s), std::future_status::ready)
        << "the thread waits for the client";
    close(ends[0]);
    worker.gate()->post([&] {
        worker.abort_all();
        worker.stop_context();
    });
    worker.join();
}

}  // namespace
}  // namespace pricewire::net::detail
