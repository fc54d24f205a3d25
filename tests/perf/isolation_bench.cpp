// Whether hanging endpoints slow down the others: 2,000 endpoints, each on its own loopback address, in a
// separate receiver process; first all of them answer, then half accept and never answer. Prints how long the
// other half waits from firing to receipt in both phases. isolation_bench [firings per second, default 400]
// [seconds per phase, default 20]
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/text.hpp"
#include "deliver/sender.hpp"
#include "firings.hpp"
#include "net/http_client.hpp"
#include "plain_secrets.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "report.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "webhook/signature.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;

constexpr std::size_t endpoints = 2000;
constexpr std::size_t most_firings = 200'000;

// Shared by both processes. Times are of steady_clock, which all processes on a machine share.
struct Shared {
    std::atomic<bool> half_hangs;
    std::atomic<bool> stop;
    std::atomic<std::int64_t> received[most_firings];  // by firing; 0 if not yet
};

std::int64_t now_ns() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

std::string address_of(std::size_t endpoint) {
    return fmt::format("127.{}.{}.{}", 10 + endpoint % 2, 1 + endpoint / 250, 1 + endpoint % 250);
}
bool may_hang(std::size_t endpoint) {
    return endpoint % 2 == 1;
}

void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

// A listening socket on the endpoint's address; `port` 0 picks a free one.
int listen_at(std::size_t endpoint, std::uint16_t& port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    inet_pton(AF_INET, address_of(endpoint).c_str(), &at.sin_addr);
    socklen_t size = sizeof at;
    if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&at), size) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) {
        std::perror("isolation_bench: listen");
        return -1;
    }
    port = ntohs(at.sin_port);
    return fd;
}

// The receiver: an epoll loop that reads requests, notes which firing each belongs to, and answers or not.
class Receiver {
public:
    explicit Receiver(Shared& shared) : shared_(shared), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

    bool listen(std::uint16_t& port) {
        for (std::size_t i = 0; i < endpoints; ++i) {
            const int fd = listen_at(i, port);
            if (fd < 0) return false;
            listeners_[fd] = i;
            watch(fd);
        }
        return true;
    }
    void run() {
        std::vector<epoll_event> events(1024);
        while (!shared_.stop) {
            const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
            for (int i = 0; i < n; ++i) {
                const int fd = events[static_cast<std::size_t>(i)].data.fd;
                const auto listener = listeners_.find(fd);
                if (listener != listeners_.end()) {
                    accept_all(fd, listener->second);
                } else {
                    serve(fd);
                }
            }
        }
    }

private:
    struct Connection {
        std::size_t endpoint = 0;
        std::string in;
    };

    void watch(int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    }
    void accept_all(int listener, std::size_t endpoint) {
        for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
            const int one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            connections_[fd] = {endpoint, {}};
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
            if (may_hang(c.endpoint) && shared_.half_hangs) continue;
            static constexpr std::string_view answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            if (write(fd, answer.data(), answer.size()) < 0) std::perror("isolation_bench: write");
        }
    }
    // One complete request; the target in its body identifies the firing.
    bool take_request(Connection& c) {
        const std::size_t head = c.in.find("\r\n\r\n");
        if (head == std::string::npos) return false;
        const std::string lower = lower_case(std::string_view(c.in).substr(0, head));
        const std::size_t length = number_after(lower, "content-length: ");
        if (c.in.size() < head + 4 + length) return false;
        const std::string_view body = std::string_view(c.in).substr(head + 4, length);
        const std::size_t firing = number_after(body, "\"target_price\":");
        std::int64_t none = 0;
        if (firing > 0 && firing <= most_firings) {
            shared_.received[firing - 1].compare_exchange_strong(none, now_ns());
        }
        c.in.erase(0, head + 4 + length);
        return true;
    }
    static std::size_t number_after(std::string_view text, std::string_view name) {
        const std::size_t at = text.find(name);
        std::size_t n = 0;
        if (at != text.npos) std::from_chars(text.data() + at + name.size(), text.data() + text.size(), n);
        return n;
    }

    Shared& shared_;
    int epoll_;
    std::unordered_map<int, std::size_t> listeners_;
    std::unordered_map<int, Connection> connections_;
};

struct Waits {
    std::vector<double> fired, committed;  // ms, until received
    std::size_t lost = 0;

    static double at(std::vector<double>& values, double part) {
        if (values.empty()) return 0;
        std::sort(values.begin(), values.end());
        return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
    }
};

}  // namespace

int main(int argc, char** argv) {
    std::size_t rate = 400, phase = 20;
    if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), rate);
    if (argc > 2) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), phase);
    const std::size_t count = rate * phase * 2;
    if (count == 0 || count > most_firings) return 2;
    raise_file_limit();
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    auto* shared = new (memory) Shared{};
    int ready[2];
    if (pipe(ready) != 0) return 1;
    const pid_t child = fork();
    if (child == 0) {
        Receiver receiver(*shared);
        std::uint16_t port = 0;
        if (!receiver.listen(port)) port = 0;
        if (write(ready[1], &port, sizeof port) != sizeof port || port == 0) _exit(1);
        receiver.run();
        _exit(0);
    }
    std::uint16_t port = 0;
    if (read(ready[0], &port, sizeof port) != sizeof port || port == 0) return 1;

    std::string directory = (std::filesystem::temp_directory_path() / "pricewire-bench-XXXXXX").string();
    if (mkdtemp(directory.data()) == nullptr) return 1;
    std::vector<std::int64_t> fired(count), committed(count);
    deliver::SenderStats stats;
    {
        const auto storage = storage::create_sqlite_storage({.file = directory + "/bench.db"}, {});
        // One alert per firing; its target is the firing's number.
        const auto firings = perf::create_alerts(
            *storage, count, webhook::make_webhook_secret(SignatureScheme::v1).secret,
            [&](std::size_t i) { return fmt::format("http://{}:{}/hook", address_of(i % endpoints), port); });
        const auto queue = queue::create_in_process_queue();
        deliver::SenderOptions options;
        options.urls.allow_http = true;
        options.urls.allow_ports = {{1, 65535}};
        options.urls.guard = net::AddressGuard({net::Network::parse("127.0.0.0/8").value()});
        const auto client = net::create_http_client({.max_connections = options.concurrency});
        const perf::PlainSecrets secrets;
        const auto sender =
            deliver::start_sender(options, *storage, *queue, *client, secrets, system_clock());

        // A few every 10 ms, as prices would fire them.
        const std::size_t each = std::max<std::size_t>(rate / 100, 1);
        auto next = std::chrono::steady_clock::now();
        for (std::size_t i = 0; i < count; i += each) {
            if (i >= count / 2) shared->half_hangs = true;
            std::this_thread::sleep_until(next += 10ms);
            const std::size_t n = std::min(each, count - i);
            FiringGroup group{.price = {.ticker = "BTC", .value = Decimal::from_int(1'000'000'000)},
                              .fired_at = system_clock().now()};
            group.firings.assign(firings.begin() + static_cast<std::ptrdiff_t>(i),
                                 firings.begin() + static_cast<std::ptrdiff_t>(i + n));
            std::fill_n(fired.begin() + static_cast<std::ptrdiff_t>(i), n, now_ns());
            const auto tasks = storage->fire(std::span(&group, 1));
            std::fill_n(committed.begin() + static_cast<std::ptrdiff_t>(i), n, now_ns());
            queue->publish(tasks);
        }
        std::this_thread::sleep_for(3s);
        stats = sender->stats();
        sender->stop(0s);
    }
    shared->stop = true;
    waitpid(child, nullptr, 0);
    std::filesystem::remove_all(directory);

    Waits waits[2];
    // Warm-up: opens a connection to every endpoint.
    for (std::size_t i = std::min(endpoints + rate, count / 4); i < count; ++i) {
        if (may_hang(i % endpoints)) continue;
        Waits& w = waits[i < count / 2 ? 0 : 1];
        const std::int64_t received = shared->received[i];
        if (received == 0) {
            ++w.lost;
            continue;
        }
        w.fired.push_back(static_cast<double>(received - fired[i]) / 1e6);
        w.committed.push_back(static_cast<double>(received - committed[i]) / 1e6);
    }
    const double base = Waits::at(waits[0].fired, 0.99), beside = Waits::at(waits[1].fired, 0.99);
    const auto line = [&](const std::string& what, double healthy, double hanging, const std::string& goal) {
        perf::row(what, fmt::format("{:.2f} / {:.2f} ms", healthy, hanging), goal);
    };
    const std::string who =
        fmt::format("{} endpoints, {} firings/s, all well / half hanging: ", endpoints, rate);
    line(who + "p50 of the healthy half", Waits::at(waits[0].fired, 0.5), Waits::at(waits[1].fired, 0.5), "");
    line(who + "p99 of the healthy half", base, beside, "");
    line("  from the commit: p99", Waits::at(waits[0].committed, 0.99), Waits::at(waits[1].committed, 0.99),
         "");
    perf::row("  ratio of the p99s", fmt::format("{:.2f}", base > 0 ? beside / base : 0), "<= 2");
    perf::row("  arrived",
              fmt::format("{} of {}", waits[0].fired.size() + waits[1].fired.size(),
                          waits[0].fired.size() + waits[1].fired.size() + waits[0].lost + waits[1].lost));
    perf::row("  at the end",
              fmt::format("{} under way, {} waiting, {} breakers open, {} deferred, {} woken",
                          stats.in_flight, stats.waiting, stats.open_breakers, stats.deferred, stats.woken));
    return waits[0].lost + waits[1].lost == 0 ? 0 : 1;
}
