// Requests per second to a healthy receiver, alone and while others hang, over loopback to receivers in a
// separate process.
//   hanging_bench [hanging requests, default 2000] [requests, default 20000]
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

#include "net/http_client.hpp"
#include "report.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;

constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

int listen_here(std::uint16_t& port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        return -1;
    }
    port = ntohs(address.sin_port);
    return fd;
}

// Accepts on both; answers requests on `healthy` and never those on `hanging`.
[[noreturn]] void receive(int healthy, int hanging) {
    const int epoll = epoll_create1(0);
    const auto add = [epoll](int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    };
    add(healthy);
    add(hanging);
    std::array<epoll_event, 256> events;
    std::array<char, 4096> buffer;
    while (true) {
        const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == hanging || fd == healthy) {
                const int connection = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK);
                if (connection >= 0 && fd == healthy) add(connection);
            } else if (recv(fd, buffer.data(), buffer.size(), 0) <= 0 ||
                       send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) <= 0) {
                close(fd);
            }
        }
    }
}

// With 64 in flight at any time.
double requests_a_second(net::HttpClient& client, const std::string& url, int count) {
    std::atomic<int> started = 0, ended = 0, good = 0;
    std::function<void()> next = [&] {
        if (started.fetch_add(1) >= count) return;
        client.start({.method = "POST", .url = url, .body = R"({"price":"1"})", .timeout = 60s},
                     [&](net::HttpResult r) {
                         good += r.status == 200 ? 1 : 0;
                         next();
                         ++ended;
                     });
    };
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 64; ++i) next();
    while (ended < count) std::this_thread::sleep_for(1ms);
    const double seconds = perf::seconds_since(start);
    return good == count ? count / seconds : 0;
}

}  // namespace

int main(int argc, char** argv) {
    const int hang = argc > 1 ? std::atoi(argv[1]) : 2000;
    const int count = argc > 2 ? std::atoi(argv[2]) : 20'000;
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    std::uint16_t healthy_port = 0, hanging_port = 0;
    const int healthy = listen_here(healthy_port), hanging = listen_here(hanging_port);
    if (healthy < 0 || hanging < 0) return 1;
    const pid_t child = fork();
    if (child == 0) receive(healthy, hanging);
    double alone = 0, beside = 0;
    {
        const auto client =
            net::create_http_client({.max_connections = static_cast<std::size_t>(hang) + 100,
                                     .max_connections_per_host = static_cast<std::size_t>(hang) + 100});
        const std::string url = fmt::format("http://127.0.0.1:{}/", healthy_port);
        requests_a_second(*client, url, count / 10);
        alone = requests_a_second(*client, url, count);
        for (int i = 0; i < hang; ++i) {
            // 64 per host.
            client->start(
                {.url = fmt::format("http://h{}.localhost:{}/", i / 64, hanging_port), .timeout = 3600s},
                [](const net::HttpResult&) {});
        }
        std::this_thread::sleep_for(3s);
        beside = requests_a_second(*client, url, count);
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    perf::row("requests a second to a healthy receiver, alone", fmt::format("{:.0f}/s", alone), "");
    perf::row(fmt::format("the same while {} requests hang", hang), fmt::format("{:.0f}/s", beside), "");
    return alone > 0 && beside > 0 ? 0 : 1;
}
