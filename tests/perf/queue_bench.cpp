// Delivery tasks through RabbitMQ: published with confirms, consumed, acknowledged. Needs a broker in
// PRICEWIRE_TEST_RABBITMQ_URL and prints nothing without one.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/uuid.hpp"
#include "queue/rabbitmq/broker_fixture.hpp"
#include "queue/rabbitmq/rabbitmq_queue.hpp"
#include "report.hpp"

namespace pricewire::perf {
namespace {

using Clock = std::chrono::steady_clock;

// Publishes in batches like the outbox; false if not everything arrives within a minute.
bool through(const queue::RabbitmqOptions& options, std::size_t count) {
    std::vector<DeliveryTask> tasks;
    for (std::size_t i = 0; i < count; ++i) tasks.push_back({make_uuid(system_clock().now()), 1});
    const auto queue = queue::create_rabbitmq_queue(options);
    queue->ping();
    std::atomic<std::size_t> seen = 0;
    queue->consume([&](std::span<const queue::QueuedTask> batch) {
        std::vector<std::uint64_t> receipts;
        for (const queue::QueuedTask& t : batch) receipts.push_back(t.receipt);
        queue->done(receipts);
        seen += batch.size();
    });
    const auto begin = Clock::now();
    for (std::size_t at = 0; at < count; at += 1000) {
        queue->publish(std::span(tasks).subspan(at, std::min<std::size_t>(1000, count - at)));
    }
    while (seen < count) {
        if (seconds_since(begin) > 60) {
            fmt::print("only {} of {} tasks arrived\n", seen.load(), count);
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    const double took = seconds_since(begin);
    perf::row(fmt::format("{} k tasks through RabbitMQ", count / 1000),
              fmt::format("{:.0f}/s", static_cast<double>(count) / took), ">= 10000/s");
    queue->consume({});
    return true;
}

}  // namespace
}  // namespace pricewire::perf

int main() {
    using namespace pricewire;
    if (queue::test_broker_url().empty()) {
        fmt::print("{}\n", queue::no_broker);
        return 0;
    }
    constexpr std::size_t count = 100'000;
    queue::RabbitmqOptions options;
    options.url = queue::test_broker_url();
    options.queue = queue::test_queue_name();
    options.max_unpublished = count;
    options.keep_unpublished = std::chrono::minutes{1};
    const bool ok = perf::through(options, count);
    queue::TestBroker().delete_queue(options.queue);
    return ok ? 0 : 1;
}
