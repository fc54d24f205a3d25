// Whether hanging endpoints slow down the others: each on its own loopback address, in a separate receiver process;
// first all of them answer, then half accept and never answer. Prints how long the other half waits from firing to
// receipt in both phases. isolation_bench [firings per second] [seconds per phase] [endpoints, at most 2000]; by default
// 200 for 20 s to 200 endpoints, then 400 to 2000.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
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
#include <vector>

#include "base/clock.hpp"
#include "deliver/sender.hpp"
#include "firings.hpp"
#include "loopback_sender.hpp"
#include "net/file_limit.hpp"
#include "net/http_client.hpp"
#include "outbox/outbox.hpp"
#include "plain_secrets.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "receiver.hpp"
#include "report.hpp"
#include "storage/sqlite/sqlite_storage.hpp"
#include "webhook/signature.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;
using perf::now_ns;

constexpr std::size_t most_endpoints = 2000;
constexpr std::size_t most_firings = 200'000;

// Shared by both processes. Times are of steady_clock, which all processes on a machine share.
struct Shared {
    std::atomic<bool> half_hangs;
    std::atomic<bool> stop;
    std::atomic<std::int64_t> received[most_firings];  // by firing; 0 if not yet
};

std::string address_of(std::size_t endpoint) {
    return fmt::format("127.{}.{}.{}", 10 + endpoint % 2, 1 + endpoint / 250, 1 + endpoint % 250);
}
bool may_hang(std::size_t endpoint) {
    return endpoint % 2 == 1;
}

// Notes which firing each request belongs to, and answers it or not.
class IsolationReceiver final : public perf::Receiver {
public:
    explicit IsolationReceiver(Shared& shared) : shared_(shared) {}

    bool listen(std::size_t endpoints, std::uint16_t& port) {
        for (std::size_t i = 0; i < endpoints; ++i) {
            const int fd = perf::listen_at(inet_addr(address_of(i).c_str()), port);
            if (fd < 0) return false;
            add_listener(fd, i);
        }
        return true;
    }
    void run() {
        while (!shared_.stop) step(100);
    }

private:
    void on_request(const Connection& from, std::string_view, std::size_t firing) override {
        std::int64_t none = 0;
        if (firing > 0 && firing <= most_firings) {
            shared_.received[firing - 1].compare_exchange_strong(none, now_ns());
        }
        if (!may_hang(from.listener) || !shared_.half_hangs) answer(from.fd, 200);
    }

    Shared& shared_;
};

struct Waits {
    std::vector<double> fired;  // ms, until received
    std::size_t lost = 0;
};

// As in a process that fires and sends.
outbox::OutboxOptions to_sender(deliver::Sender& sender) {
    outbox::OutboxOptions options;
    options.claim = [&] { return sender.claim(); };
    options.claimed = [&](auto claimed, auto until) { sender.take(std::move(claimed), until); };
    options.coming = [&](auto coming, auto until) { sender.prepare(std::move(coming), until); };
    options.not_coming = [&] { sender.drop(); };
    return options;
}

int measure(std::size_t rate, std::size_t phase, std::size_t endpoints) {
    const std::size_t count = rate * phase * 2;
    if (count == 0 || count > most_firings || endpoints < 2 || endpoints > most_endpoints) return 2;
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    auto* shared = new (memory) Shared{};
    int ready[2];
    if (pipe(ready) != 0) return 1;
    const pid_t child = fork();
    if (child == 0) {
        IsolationReceiver receiver(*shared);
        std::uint16_t port = 0;
        if (!receiver.listen(endpoints, port)) port = 0;
        if (write(ready[1], &port, sizeof port) != sizeof port || port == 0) _exit(1);
        receiver.run();
        _exit(0);
    }
    std::uint16_t port = 0;
    if (read(ready[0], &port, sizeof port) != sizeof port || port == 0) return 1;

    std::string directory = (std::filesystem::temp_directory_path() / "pricewire-bench-XXXXXX").string();
    if (mkdtemp(directory.data()) == nullptr) return 1;
    std::vector<std::int64_t> fired(count);
    deliver::SenderStats stats;
    {
        const auto storage = storage::create_sqlite_storage({.file = directory + "/bench.db"}, {});
        // One alert per firing; its target is the firing's number.
        const auto firings = perf::create_alerts(
            *storage, count, webhook::make_webhook_secret(SignatureScheme::v1).secret,
            [&](std::size_t i) { return fmt::format("http://{}:{}/hook", address_of(i % endpoints), port); });
        const auto queue = queue::create_in_process_queue();
        const deliver::SenderOptions options = perf::loopback_sender_options();
        const auto client = net::create_http_client({.max_connections = options.concurrency});
        const perf::PlainSecrets secrets;
        const auto sender =
            deliver::start_sender(options, *storage, *queue, *client, secrets, system_clock());
        const auto outbox = outbox::start_outbox(*storage, *queue, to_sender(*sender));

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
            outbox->push(std::move(group));
        }
        std::this_thread::sleep_for(3s);
        stats = sender->stats();
        outbox->stop(0s);
        sender->stop(0s);
    }
    shared->stop = true;
    waitpid(child, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
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
    }
    const double base = perf::quantile(waits[0].fired, 0.99), beside = perf::quantile(waits[1].fired, 0.99);
    const auto line = [&](const std::string& what, double healthy, double hanging, const std::string& goal) {
        perf::row(what, fmt::format("{:.2f} / {:.2f} ms", healthy, hanging), goal);
    };
    const std::string who =
        fmt::format("{} endpoints, {} firings/s, all well / half hanging: ", endpoints, rate);
    line(who + "p50 of the healthy half", perf::quantile(waits[0].fired, 0.5),
         perf::quantile(waits[1].fired, 0.5), "");
    line(who + "p99 of the healthy half", base, beside, "");
    perf::row("  ratio of the p99s", fmt::format("{:.2f}", base > 0 ? beside / base : 0), "<= 2");
    perf::row("  arrived",
              fmt::format("{} of {}", waits[0].fired.size() + waits[1].fired.size(),
                          waits[0].fired.size() + waits[1].fired.size() + waits[0].lost + waits[1].lost));
    perf::row("  at the end",
              fmt::format("{} under way, {} waiting, {} breakers open, {} deferred, {} woken",
                          stats.in_flight, stats.waiting, stats.open_breakers, stats.deferred, stats.woken));
    munmap(memory, sizeof(Shared));
    return waits[0].lost + waits[1].lost == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    net::raise_file_limit();
    if (argc <= 1) {
        const int few = measure(200, 20, 200), many = measure(400, 20, most_endpoints);
        return std::max(few, many);
    }
    std::size_t rate = 400, phase = 20, endpoints = most_endpoints;
    std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), rate);
    if (argc > 2) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), phase);
    if (argc > 3) std::from_chars(argv[3], argv[3] + std::strlen(argv[3]), endpoints);
    return measure(rate, phase, endpoints);
}
