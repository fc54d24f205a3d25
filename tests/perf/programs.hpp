#pragma once

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "sim/exchange_sim.hpp"
#include "sim/venues/venue.hpp"
#include "support/blocking_http.hpp"
#include "support/deployment.hpp"
#include "support/process.hpp"
#include "test_database/test_database.hpp"

// The real programs, for benchmarks.
namespace pricewire::perf {

using namespace std::chrono_literals;

// Another version's can be measured by the same bench.
inline std::string program() {
    const char* named = std::getenv("PRICEWIRE_BENCH_PROGRAM");
    return named != nullptr ? named : PRICEWIRE_BINARY_DIR "/pricewire";
}

inline std::map<std::string, std::string> environment(const test::TempDir& dir, std::uint16_t sim_port) {
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

inline std::unique_ptr<sim::ExchangeSim> start_sim() {
    auto sim = sim::create_exchange_sim({.paused = true}, nullptr);
    if (!sim) throw std::runtime_error(sim.error().message);
    return std::move(*sim);
}

struct Running {
    test::Process process;
    std::string url;
};

// `name` is its log's, if there are several of the role.
inline Running start(const test::TempDir& dir, const std::map<std::string, std::string>& env,
                     const std::string& role = "serve", const std::string& name = "") {
    Running running;
    running.process = test::Process({.command = {program(), role},
                                     .env = env,
                                     .output = dir.path() / ((name.empty() ? role : name) + ".log"),
                                     .directory = dir.path(),
                                     .user = {}});
    running.url = running.process.wait_for_output("listening on ");
    return running;
}

struct Use {
    double cpu_seconds = 0;  // since its start
    double resident_mb = 0;
};

// Of a process; see proc(5).
inline Use use_of(pid_t pid) {
    const std::string proc = "/proc/" + std::to_string(pid);
    std::string text;
    std::getline(std::ifstream(proc + "/stat"), text);
    std::istringstream fields(text.substr(text.rfind(')') + 2));
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0, system = 0;
    fields >> user >> system;
    Use out{.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK))};
    std::ifstream status(proc + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmRSS:")) out.resident_mb = std::stod(line.substr(6)) / 1024;
    }
    return out;
}

// Where Pricewire's data is; empty for SQLite in the benchmark's directory.
struct Shared {
    test::TestDatabase database;
    std::map<std::string, std::string> environment;
};

inline std::unique_ptr<Shared> shared_servers() {
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

inline test::Account register_user(test::BlockingHttp& http, const std::string& url) {
    const auto result = http.post(url + "/api/v1/users/register", R"({"email":"bench@example.com"})");
    return {test::json_member(result.body, "api_key").value(),
            test::json_member(result.body, "webhook_secret").value()};
}

inline void wait_for_client(const sim::ExchangeSim& sim) {
    while (sim.stream_clients() == 0) std::this_thread::sleep_for(5ms);
}

}  // namespace pricewire::perf
