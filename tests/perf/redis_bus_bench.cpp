// The bus on Redis: prices per second from one feed to one checker, and the latency of one price. Also a
// token bucket in Redis, which every rate-limited request waits for.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "access/redis/redis_rate_limits.hpp"
#include "bus/redis/redis_bus.hpp"
#include "report.hpp"
#include "support/redis_server.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;
using perf::seconds_since;

std::string at_rank(std::vector<double>& micros, double rank) {
    std::sort(micros.begin(), micros.end());
    return fmt::format("{:.0f} us",
                       micros[static_cast<std::size_t>(rank * static_cast<double>(micros.size() - 1))]);
}

std::unique_ptr<bus::PriceBus> bus_on(const test::RedisServer& server) {
    bus::RedisBusOptions options;
    options.url = server.url();
    options.tickers = {"BTC", "ETH"};
    return bus::create_redis_bus(options, system_clock());
}

bool wait_for(const std::atomic<std::uint64_t>& value, std::uint64_t wanted) {
    const auto deadline = Steady::now() + 60s;
    while (value.load(std::memory_order_acquire) < wanted) {
        if (Steady::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

}  // namespace

int main() {
    const test::RedisServer server;
    std::atomic<std::uint64_t> seen{0};
    std::atomic<std::uint64_t> caught_up{0};
    const auto checker = bus_on(server);
    const auto feed = bus_on(server);
    checker->subscribe({.resume = false,
                        .price = [&](const Price& p) { seen.store(p.sequence, std::memory_order_release); },
                        .gone = {},
                        .behind = {},
                        .caught_up = [&] { ++caught_up; },
                        .position = {}});
    if (!wait_for(caught_up, 1)) return 1;

    std::uint64_t sequence = 0;
    const auto publish = [&] {
        ++sequence;
        feed->publish(
            {"BTC",
             Decimal::from_raw(Decimal::one_raw * 65'420 + Decimal::Raw{sequence} * 10'000'000'000'000'000),
             system_clock().now(), sequence});
    };
    std::vector<double> micros;
    for (int i = 0; i < 5000; ++i) {
        const auto start = Steady::now();
        publish();
        if (!wait_for(seen, sequence)) return 1;
        micros.push_back(seconds_since(start) * 1e6);
    }
    perf::row("redis bus: one price from feed to checker, median", at_rank(micros, 0.5), "< 1 ms");
    perf::row("redis bus: the same, 99 of 100", at_rank(micros, 0.99));

    constexpr std::uint64_t many = 500'000;
    const auto start = Steady::now();
    const std::uint64_t from = sequence;
    for (std::uint64_t i = 0; i < many; ++i) {
        publish();
        // Like a feed as fast as the bus, which drops prices beyond 100,000 pending ones.
        if (i % 1000 == 0 && sequence - seen > 50'000 && !wait_for(seen, sequence - 50'000)) return 1;
    }
    if (!wait_for(seen, from + many)) return 1;
    perf::row("redis bus: prices published and read", fmt::format("{:.0f}/s", many / seconds_since(start)),
              "100000/s");

    access::RedisCacheOptions cache;
    cache.url = server.url();
    const auto limits = access::create_redis_rate_limits(cache);
    micros.clear();
    for (int i = 0; i < 20'000; ++i) {
        const auto asked = Steady::now();
        limits->take("bench", {1'000'000, 1h}, asked);
        micros.push_back(seconds_since(asked) * 1e6);
    }
    perf::row("redis rate limit: one decision, median", at_rank(micros, 0.5));
    perf::row("redis rate limit: the same, 99 of 100", at_rank(micros, 0.99));
    return 0;
}
