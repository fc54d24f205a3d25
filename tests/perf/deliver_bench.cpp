// Deliveries per second of one sender, end to end: claimed from and recorded in SQLite, or announced through
// RabbitMQ and recorded in PostgreSQL; signed and sent over loopback to a receiver in a separate process that
// verifies every signature. The servers run on the same machine.
//   deliver_bench [deliveries, default 50000] [SenderOptions::exposed]
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "deliver/sender.hpp"
#include "firings.hpp"
#include "loopback_sender.hpp"
#include "net/http_client.hpp"
#include "places.hpp"
#include "plain_secrets.hpp"
#include "queue/in_process/in_process_queue.hpp"
#include "queue/rabbitmq/broker_fixture.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "report.hpp"
#include "sim/receiver.hpp"
#include "webhook/signature.hpp"

namespace {

using namespace pricewire;

// The receiver's process: reports its port, serves until `until_closed` is closed, then reports what it got.
[[noreturn]] void receive(int report, int until_closed, const std::string& secret) {
    sim::ReceiverOptions options;
    options.secrets = {secret};
    options.keep_log = false;
    std::atomic<std::uint64_t> good = 0;
    options.on_delivery = [&](const sim::ReceivedDelivery& d) { good += d.signature_ok ? 1 : 0; };
    const auto receiver = sim::create_receiver(options);
    const std::uint64_t port = receiver ? (*receiver)->port() : 0;
    if (write(report, &port, sizeof port) != sizeof port || port == 0) _exit(1);
    char byte = 0;
    while (read(until_closed, &byte, 1) > 0) {
    }
    const std::uint64_t verified = good.load();
    _exit(write(report, &verified, sizeof verified) == sizeof verified ? 0 : 1);
}

std::uint64_t read_number(int from) {
    std::uint64_t n = 0;
    return read(from, &n, sizeof n) == sizeof n ? n : 0;
}

// Alerts that fired together.
std::vector<DeliveryTask> fire(storage::Storage& storage, std::size_t count, const std::string& url,
                               const std::string& secret) {
    const FiringGroup group{
        .price = {.ticker = "BTC", .value = Decimal::from_int(1'000'000'000)},
        .fired_at = system_clock().now(),
        .firings = perf::create_alerts(storage, count, secret, [&](std::size_t) { return url; })};
    return storage.fire(std::span(&group, 1));
}

std::unique_ptr<queue::DeliveryQueue> broker(std::size_t count) {
    queue::RabbitmqOptions options;
    options.url = queue::test_broker_url();
    options.queue = queue::test_queue_name();
    options.max_unpublished = count;
    options.keep_unpublished = std::chrono::minutes{1};
    return queue::create_rabbitmq_queue(options);
}

// How often the sender asks the database, and how long it waits for that in all. By one thread.
struct Waits {
    struct Of {
        std::size_t calls = 0;
        double seconds = 0;
    };
    std::map<std::string, Of, std::less<>> by_method = {};

    storage::StorageEvents events() {
        storage::StorageEvents events;
        events.around = [this](std::string_view method, const std::function<void()>& call) {
            const auto start = std::chrono::steady_clock::now();
            call();
            const auto took = std::chrono::steady_clock::now() - start;
            if (method != "record" && !method.starts_with("claim")) return;
            Of& of = by_method[method == "record" ? "record" : "claim"];
            ++of.calls;
            of.seconds += std::chrono::duration<double>(took).count();
        };
        return events;
    }
};

// Whether all arrived.
bool deliver_all(perf::Place& place, queue::DeliveryQueue& queue, std::size_t count,
                 const deliver::SenderOptions& options, const std::string& what, const std::string& goal) {
    const std::string secret = webhook::make_webhook_secret(SignatureScheme::v1).secret;
    int report[2], stop[2];
    if (pipe(report) != 0 || pipe(stop) != 0) return false;
    const pid_t child = fork();
    if (child == 0) {
        close(stop[1]);
        receive(report[1], stop[0], secret);
    }
    close(stop[0]);
    const std::uint64_t port = read_number(report[0]);
    if (port == 0) {
        fmt::print(stderr, "deliver_bench: the receiver did not start\n");
        return false;
    }

    double seconds = 0;
    deliver::SenderStats stats;
    Waits waits;
    {
        const auto storage = place.open(waits.events());
        const auto tasks = fire(*storage, count, fmt::format("http://127.0.0.1:{}/hook", port), secret);
        const auto client = net::create_http_client();
        const perf::PlainSecrets secrets;

        const auto start = std::chrono::steady_clock::now();
        const auto sender = deliver::start_sender(options, *storage, queue, *client, secrets, system_clock());
        queue.publish(tasks);
        do {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
            stats = sender->stats();
        } while (stats.delivered < tasks.size() || stats.unrecorded > 0);
        seconds = perf::seconds_since(start);
        sender->stop(std::chrono::seconds{10});
    }
    close(stop[1]);
    const std::uint64_t verified = read_number(report[0]);
    waitpid(child, nullptr, 0);

    perf::row("deliveries a second to a fast, verifying receiver, " + what,
              fmt::format("{:.0f}/s", static_cast<double>(stats.delivered) / seconds), goal);
    for (const auto& [method, of] : waits.by_method) {
        perf::row(fmt::format("  {}: calls, rows a call, and its share of the time", method),
                  fmt::format("{}, {:.0f}, {:.0f} %", of.calls,
                              static_cast<double>(count) / static_cast<double>(of.calls),
                              of.seconds / seconds * 100));
    }
    return verified >= count;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t count = 50'000;
    if (argc > 1) std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), count);
    deliver::SenderOptions options = perf::loopback_sender_options();
    if (argc > 2) std::from_chars(argv[2], argv[2] + std::strlen(argv[2]), options.exposed);
    bool good = true;
    {
        perf::SqlitePlace place;
        const auto queue = queue::create_in_process_queue();
        good = deliver_all(place, *queue, count, options, "SQLite", ">= 10000/s");
    }
    if (test::postgres_url() && !queue::test_broker_url().empty()) {
        perf::PostgresPlace place;
        const auto queue = broker(count);
        good = deliver_all(place, *queue, count, options, "PostgreSQL and RabbitMQ", ">= 3000/s") && good;
    }
    return good ? 0 : 1;
}
