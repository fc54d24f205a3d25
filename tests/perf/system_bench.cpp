// The whole program as users see it: latency from a price to the webhook with a million alerts loaded, start
// with a million alerts, idle memory, and GET /rates compared with nginx serving the same bytes.
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <thread>
#include <unordered_map>

#include "base/crypto.hpp"
#include "base/decimal.hpp"
#include "base/mutex.hpp"
#include "base/text.hpp"
#include "fsync_and_post.hpp"
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
#include "test_database/test_database.hpp"

namespace {

using namespace pricewire;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Another version's can be measured by the same bench.
std::string program() {
    const char* named = std::getenv("PRICEWIRE_BENCH_PROGRAM");
    return named != nullptr ? named : PRICEWIRE_BINARY_DIR "/pricewire";
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::map<std::string, std::string> environment(const test::TempDir& dir, std::uint16_t sim_port) {
    const std::string address = "127.0.0.1:" + std::to_string(sim_port);
    std::map<std::string, std::string> env;
    for (const sim::SimVenue* venue : sim::sim_venues()) {
        if (venue->name != "binance")
            env["PRICEWIRE_SOURCES_" + upper_case(venue->name) + "_ENABLED"] = "false";
    }
    env.insert({{"PRICEWIRE_HTTP_LISTEN", "127.0.0.1:0"},
                {"PRICEWIRE_STORAGE_DATABASE_URL", "sqlite:" + (dir.path() / "pricewire.db").string()},
                {"PRICEWIRE_SOURCES_BINANCE_WS_URL", "ws://" + address + "/stream"},
                {"PRICEWIRE_SOURCES_BINANCE_REST_URL", "http://" + address},
                {"PRICEWIRE_DELIVERY_ALLOW_HTTP", "true"},
                {"PRICEWIRE_DELIVERY_ALLOW_PORTS", "1-65535"},
                {"PRICEWIRE_DELIVERY_ALLOW_NETWORKS", "127.0.0.0/8"},
                {"PRICEWIRE_LIMITS_REGISTER", "1000000/1s"},
                {"PRICEWIRE_LIMITS_USER", "1000000/1s"},
                {"PRICEWIRE_LIMITS_RATES", "1000000000/1s"},
                {"PRICEWIRE_LIMITS_ATTEMPTS", "1000000000/1s"},
                {"PRICEWIRE_LIMITS_ALERTS_PER_USER", "1000000"}});
    return env;
}

std::unique_ptr<sim::ExchangeSim> start_sim() {
    auto sim = sim::create_exchange_sim({.paused = true}, nullptr);
    if (!sim) throw std::runtime_error(sim.error().message);
    return std::move(*sim);
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

struct Running {
    test::Process process;
    std::string url;
};

Running start(const test::TempDir& dir, const std::map<std::string, std::string>& env,
              const std::string& role = "serve") {
    Running running;
    running.process = test::Process({.command = {program(), role},
                                     .env = env,
                                     .output = dir.path() / (role + ".log"),
                                     .directory = dir.path(),
                                     .user = {}});
    running.url = running.process.wait_for_output("listening on ");
    return running;
}

// Where Pricewire's data is; empty for SQLite in the benchmark's directory.
struct Shared {
    test::TestDatabase database;
    std::map<std::string, std::string> environment;
};

std::unique_ptr<Shared> shared_servers() {
    const auto cluster = test::cluster_of_environment();
    if (!cluster) return nullptr;
    auto shared = std::make_unique<Shared>();
    const std::string own = "bench-" + shared->database.name();
    std::array<std::uint8_t, 32> key;
    random_bytes(key);
    shared->environment = {{"PRICEWIRE_STORAGE_DATABASE_URL", shared->database.url()},
                           {"PRICEWIRE_STORAGE_REDIS_URL", cluster->redis_url},
                           {"PRICEWIRE_STORAGE_REDIS_PREFIX", own + ":"},
                           {"PRICEWIRE_STORAGE_RABBITMQ_URL", cluster->rabbitmq_url},
                           {"PRICEWIRE_STORAGE_RABBITMQ_QUEUE", own},
                           {"PRICEWIRE_SECURITY_MASTER_KEY", base64_encode(key)},
                           {"PRICEWIRE_HEALTH_LISTEN", "127.0.0.1:0"}};
    return shared;
}

test::Account register_user(test::BlockingHttp& http, const std::string& url) {
    const auto result = http.post(url + "/api/v1/users/register", R"({"email":"bench@example.com"})");
    return {test::json_member(result.body, "api_key").value(),
            test::json_member(result.body, "webhook_secret").value()};
}

void wait_for_client(const sim::ExchangeSim& sim) {
    while (sim.stream_clients() == 0) std::this_thread::sleep_for(5ms);
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

// wrk's "Requests/sec".
double wrk(const std::string& url, const std::string& header, const test::TempDir& dir) {
    test::Process process(
        {{"/usr/bin/wrk", "-t1", "-c32", "-d5s", "-H", header, url}, {}, dir.path() / "wrk.log", {}});
    process.wait();
    const std::string output = process.output();
    const std::size_t found = output.rfind("Requests/sec:");
    if (found == std::string::npos || output.find("Non-2xx") != std::string::npos)
        throw std::runtime_error(output);
    return std::atof(output.c_str() + found + 13);
}

void rates_beside_nginx() {
    const test::TempDir dir;
    const auto sim = start_sim();
    const auto running = start(dir, environment(dir, sim->port()));
    wait_for_client(*sim);
    test::BlockingHttp http;
    const auto account = register_user(http, running.url);
    const std::string header = "X-API-Key: " + account.api_key;
    std::string body;
    while (body.find("BNB") == std::string::npos) {
        for (const char* symbol : {"BTCUSDT", "ETHUSDT", "DOGEUSDT", "SOLUSDT", "BNBUSDT"})
            sim->trade(symbol, Decimal::from_int(580));
        std::this_thread::sleep_for(50ms);
        body = http.get(running.url + "/api/v1/rates/", {{"X-API-Key", account.api_key}}).body;
    }
    const auto nginx_dir = dir.path() / "nginx";
    std::filesystem::create_directories(nginx_dir / "logs");
    const std::uint16_t port = 18'000 + static_cast<std::uint16_t>(getpid() % 1000);
    std::ofstream(nginx_dir / "nginx.conf")
        << "daemon off; master_process on; worker_processes 2; pid " << (nginx_dir / "pid").string() << ";\n"
        << "error_log " << (nginx_dir / "error.log").string() << "; events { worker_connections 1024; }\n"
        << "http { access_log off; keepalive_requests 1000000000; server { listen 127.0.0.1:" << port
        << "; location / { default_type application/json; return 200 '" << body << "'; } } }\n";
    test::Process nginx(
        {{"/usr/sbin/nginx", "-p", nginx_dir.string(), "-c", (nginx_dir / "nginx.conf").string()},
         {},
         dir.path() / "nginx.log",
         {}});
    const std::string nginx_url = "http://127.0.0.1:" + std::to_string(port) + "/api/v1/rates/";
    while (http.get(nginx_url).status != 200) std::this_thread::sleep_for(20ms);
    double ours = 0;
    double theirs = 0;
    for (int round = 0; round < 2; ++round) {
        // Keeps the price fresh, as real trades would.
        std::atomic<bool> done = false;
        std::thread trades([&] {
            while (!done) {
                for (const char* symbol : {"BTCUSDT", "ETHUSDT", "DOGEUSDT", "SOLUSDT", "BNBUSDT"})
                    sim->trade(symbol, Decimal::from_int(580));
                std::this_thread::sleep_for(100ms);
            }
        });
        ours = std::max(ours, wrk(running.url + "/api/v1/rates/", header, dir));
        done = true;
        trades.join();
        theirs = std::max(theirs, wrk(nginx_url, header, dir));
    }
    nginx.signal(SIGQUIT);
    nginx.wait();
    perf::row("GET /rates, authenticated", fmt::format("{:.0f}/s", ours));
    perf::row("  beside it: nginx, the same bytes", fmt::format("{:.0f}/s", theirs));
    perf::row("  share of nginx", fmt::format("{:.0f} %", ours / theirs * 100), ">= 60 %");
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
        if (only.empty() || only == "rates") rates_beside_nginx();
        return 0;
    } catch (const std::exception& e) {
        std::cerr << "system_bench: " << e.what() << "\n";
        return 1;
    }
}
