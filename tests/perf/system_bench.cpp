// The whole program as users see it: latency from a price to the webhook with a million alerts loaded, start
// with a million alerts, and idle memory.
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <thread>
#include <unordered_map>

#include "base/decimal.hpp"
#include "base/mutex.hpp"
#include "base/text.hpp"
#include "fsync_and_post.hpp"
#include "programs.hpp"
#include "receiver.hpp"
#include "report.hpp"
#include "seed.hpp"
#include "sim/exchange_sim.hpp"
#include "sim/receiver.hpp"
#include "sim/venues/venue.hpp"
#include "storage/sqlite/migrate.hpp"
#include "support/blocking_http.hpp"
#include "support/deployment.hpp"
#include "support/process.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using perf::environment;
using perf::register_user;
using perf::Running;
using perf::Shared;
using perf::shared_servers;
using perf::start;
using perf::start_sim;
using perf::wait_for_client;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string resident(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) return fmt::format("{:.1f} MB", std::atof(line.c_str() + 6) / 1024);
    }
    return "?";
}

// Used by a process since its start.
double cpu_seconds(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void idle_memory() {
    const test::TempDir dir;
    const auto sim = start_sim();
    const auto running = start(dir, environment(dir, sim->port()));
    wait_for_client(*sim);
    std::this_thread::sleep_for(3s);
    perf::row("resident memory at idle", resident(running.process.pid()), "<= 30 MB");
}

// All venues' streams in one process that has nothing else to do, each trade made at one of them.
void feeds(int per_second) {
    const test::TempDir dir;
    const auto sim = start_sim();
    auto env = environment(dir, sim->port());
    std::istringstream settings(sim->source_settings());
    for (std::string line; std::getline(settings, line);)
        env[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    std::vector<std::string> venues;
    for (const sim::SimVenue* venue : sim::sim_venues()) {
        env["PRICEWIRE_SOURCES_" + upper_case(venue->name) + "_ENABLED"] = "true";
        if (!venue->ws_path.empty()) venues.emplace_back(venue->name);
    }
    const auto running = start(dir, env);
    while (sim->stream_clients() < venues.size()) std::this_thread::sleep_for(5ms);
    const std::array<std::pair<const char*, Decimal>, 5> pairs{{{"BTCUSDT", Decimal::from_int(65'000)},
                                                                {"ETHUSDT", Decimal::from_int(3'100)},
                                                                {"SOLUSDT", Decimal::from_int(142)},
                                                                {"BNBUSDT", Decimal::from_int(580)},
                                                                {"DOGEUSDT", *Decimal::parse("0.1423")}}};
    constexpr auto warm_up = 5s;
    constexpr auto measured = 15s;
    auto next = Clock::now();
    const auto from = next + warm_up;
    const auto until = from + measured;
    double before = 0;
    int trades = 0;
    for (int i = 0; next < until; ++i) {
        std::this_thread::sleep_until(next += std::chrono::microseconds{1'000'000 / per_second});
        if (before == 0 && next >= from) before = cpu_seconds(running.process.pid());
        const auto& [symbol, price] = pairs[static_cast<std::size_t>(i) % pairs.size()];
        sim->trade(symbol, price + Decimal::from_raw(price.raw() / 100'000 * (i % 7)),
                   venues[static_cast<std::size_t>(i) / pairs.size() % venues.size()]);
        trades += next >= from ? 1 : 0;
    }
    const double share = (cpu_seconds(running.process.pid()) - before) / seconds_since(from) * 100;
    perf::row(
        fmt::format("{} venues x 5 tickers, {} trades/s in all, share of a core", venues.size(), per_second),
        fmt::format("{:.1f} %", share), "< 5 %");
    perf::row("  trades made", std::to_string(trades));
}

// One process on SQLite or, with `shared`, one of each role on PostgreSQL, Redis and RabbitMQ.
void latency(std::size_t waiting, int firings, int per_second, const Shared* shared) {
    const test::TempDir dir;
    if (shared != nullptr) {
        perf::seed_alerts_postgres(shared->database, waiting, "1000000");
    } else {
        const auto file = dir.path() / "pricewire.db";
        if (!storage::sqlite_migrate(file)) throw std::runtime_error("cannot create the database");
        perf::seed_alerts(file, waiting, "1000000");
    }
    const std::string side = shared != nullptr ? ", four processes" : "";

    struct {
        Mutex mutex;
        std::unordered_map<std::string, Timestamp> sent GUARDED_BY(mutex);  // by the price's digits
        std::vector<double> milliseconds GUARDED_BY(mutex);
        std::optional<Timestamp> floor_began GUARDED_BY(mutex);
        std::vector<double> floor GUARDED_BY(mutex);
    } seen;
    sim::ReceiverOptions receiver_options;
    receiver_options.keep_log = false;
    receiver_options.on_delivery = [&](const sim::ReceivedDelivery& d) {
        const auto price = test::json_member(d.body, "triggered_price");
        MutexLock lock(seen.mutex);
        if (!price && seen.floor_began) {
            seen.floor.push_back(static_cast<double>((d.at - *seen.floor_began).count()) / 1000);
            seen.floor_began.reset();
        }
        if (const auto found = seen.sent.find(price.value_or("")); found != seen.sent.end()) {
            seen.milliseconds.push_back(static_cast<double>((d.at - found->second).count()) / 1000);
        }
    };
    const auto receiver = sim::create_receiver(receiver_options).value();
    const auto sim = start_sim();
    auto env = environment(dir, sim->port());
    std::vector<Running> others;
    if (shared != nullptr) {
        for (const auto& [name, value] : shared->environment) env[name] = value;
        for (const char* role : {"sender", "feed", "api"}) others.push_back(start(dir, env, role));
    }
    const auto begin = Clock::now();
    auto checking = start(dir, env, shared != nullptr ? "checker" : "serve");
    checking.process.wait_for_output("active alerts are loaded");
    perf::row(fmt::format("start with {} k alerts, until they are checked{}", waiting / 1000, side),
              fmt::format("{:.2f} s", seconds_since(begin)), "<= 3 s");
    wait_for_client(*sim);
    perf::row(fmt::format("resident memory with {} k alerts{}", waiting / 1000,
                          shared != nullptr ? ", the checker" : ""),
              resident(checking.process.pid()));
    const std::string url = shared != nullptr ? others.back().url : checking.url;

    test::BlockingHttp http;
    const auto account = register_user(http, url);
    const auto target_of = [](int i) {
        return Decimal::from_raw(Decimal::from_int(100).raw() + Decimal::one_raw / 1000 * i);
    };
    for (int i = 0; i < firings; ++i) {
        const auto created = http.post(
            url + "/api/v1/alerts/",
            fmt::format(
                R"({{"ticker":"BTC","condition":"gt","target_price":{},"webhook_url":"http://127.0.0.1:{}/hook"}})",
                target_of(i).to_string(), receiver->port()),
            {{"X-API-Key", account.api_key}});
        if (created.status != 201) throw std::runtime_error(created.body);
    }
    sim->trade("BTCUSDT", Decimal::from_int(100));
    std::this_thread::sleep_for(500ms);
    perf::FsyncAndPost floor(dir.path(), receiver->port());
    const std::string floor_body(700, ' ');
    const std::chrono::microseconds half_a_turn{500'000 / per_second};
    auto next = Clock::now();
    for (int i = 0; i < firings; ++i) {
        std::this_thread::sleep_until(next += half_a_turn);
        {
            MutexLock lock(seen.mutex);
            seen.floor_began = system_clock().now();
        }
        floor.run(floor_body);
        std::this_thread::sleep_until(next += half_a_turn);
        const Decimal price = Decimal::from_raw(target_of(i).raw() + Decimal::one_raw / 2000);
        {
            MutexLock lock(seen.mutex);
            seen.sent[price.to_string()] = system_clock().now();
        }
        sim->trade("BTCUSDT", price);
    }
    const auto give_up = Clock::now() + 30s;
    const auto all_in = [&] {
        MutexLock lock(seen.mutex);
        return seen.milliseconds.size() >= static_cast<std::size_t>(firings);
    };
    while (!all_in() && Clock::now() < give_up) std::this_thread::sleep_for(10ms);
    std::vector<double> milliseconds, least;
    {
        MutexLock lock(seen.mutex);
        milliseconds = seen.milliseconds;
        least = seen.floor;
    }
    if (milliseconds.empty()) throw std::runtime_error("no webhook arrived");
    const std::string what =
        fmt::format("price in to webhook, {} k alerts, {} firings/s{}, ", waiting / 1000, per_second, side);
    for (const auto& [name, part] : {std::pair("p50", 0.5), std::pair("p99", 0.99)}) {
        const double ours = perf::quantile(milliseconds, part);
        const double its_floor = perf::quantile(least, part);
        perf::row(what + name, fmt::format("{:.2f} ms", ours));
        perf::row("  beside it: one fsync and one POST", fmt::format("{:.2f} ms", its_floor));
        perf::row("  ratio", fmt::format("{:.2f}", ours / its_floor), shared != nullptr ? "<= 3" : "<= 2");
    }
    perf::row(what + "arrived", fmt::format("{} of {}", milliseconds.size(), firings));
}

}  // namespace

int main(int argc, char** argv) {
    const std::string only = argc > 1 ? argv[1] : "";
    try {
        if (only.empty() || only == "idle") idle_memory();
        if (only.empty() || only == "feeds") feeds(2'000);
        if (only.empty() || only == "latency") latency(1'000'000, 2'000, 100, nullptr);
        if (only.empty() || only == "cluster") {
            if (const auto shared = shared_servers()) latency(1'000'000, 2'000, 100, shared.get());
        }
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "system_bench: " << e.what() << "\n";
        return 1;
    }
}
