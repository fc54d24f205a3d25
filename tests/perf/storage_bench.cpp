// Creating alerts; loading a million.
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "places.hpp"
#include "report.hpp"

namespace {

using namespace pricewire;
using Clock = std::chrono::steady_clock;
using perf::seconds_since;

void load(perf::Place& place, std::size_t count) {
    const auto storage = place.open();
    place.seed(count, "100");
    std::size_t loaded = 0;
    const auto start = Clock::now();
    storage->load_active_alerts([&](std::span<const ActiveAlert> piece) { loaded += piece.size(); });
    perf::row(fmt::format("reading {} k active alerts, {}", loaded / 1000, place.name()),
              fmt::format("{:.2f} s", seconds_since(start)));
}

void create(perf::Place& place, int threads) {
    const auto storage = place.open();
    constexpr int each = 500;
    std::vector<std::thread> pool;
    const auto start = Clock::now();
    for (int t = 0; t < threads; ++t) {
        pool.emplace_back([&] {
            const Uuid user = make_uuid(system_clock().now());
            const std::string email = user.to_string() + "@bench.example";
            if (!storage->create_user({{user, email, true, system_clock().now()}, sha256(email), "secret"})) {
                std::abort();
            }
            for (int i = 1; i <= each; ++i) {
                Alert alert;
                alert.id = make_uuid(system_clock().now());
                alert.user_id = user;
                alert.ticker = "BTC";
                alert.target = Decimal::from_int(i);
                alert.webhook_url = "https://example.com/hook";
                alert.created_at = system_clock().now();
                if (!storage->create_alert(alert, 1000)) std::abort();
            }
        });
    }
    for (auto& thread : pool) thread.join();
    perf::row(fmt::format("alerts created a second, durable, {} thread{}, {}", threads,
                          threads == 1 ? "" : "s", place.name()),
              fmt::format("{:.0f}/s", threads * each / seconds_since(start)));
}

}  // namespace

int main() {
    perf::at_each_place([](perf::Place& place) { load(place, 1'000'000); });
    perf::at_each_place([](perf::Place& place) { create(place, 1); });
    perf::at_each_place([](perf::Place& place) { create(place, 32); });
    return 0;
}
